"""QA612x: adapters under torch.distributed and torch.export."""

from __future__ import annotations

from qcompile.diagnostics.message import Message, message


@message(
    "QA6121",
    "tensor `{tensor}` is sharded: no process has all of it",
    help=(
        "gather on every process, and save on one: `whole = adapter.gathered()`, then "
        "`if rank == 0: whole.save(path)`"
    ),
)
class ShardedTensor(Message):
    """After `fully_shard` each process holds a shard of every parameter. Gathering them is a
    collective operation: all processes must take part, or those that do wait for ever. So `save`,
    which one process calls, does not gather by itself.

    Erroneous:  fully_shard(model); …; if rank == 0: adapter.save("adapter.pt")
    Corrected:  fully_shard(model); …; whole = adapter.gathered()
                if rank == 0: whole.save("adapter.pt")
    """

    tensor: str


@message("QA6123", "torch cannot make a program of the adapter: {reason}")
class NotExportable(Message):
    """
    A .pt2 or .onnx file holds what torch.export makes of the adapter's parts, in evaluation mode.
    It knows no rule for the sampling of `shots`; exact expectations can be exported, under noise as
    well. A prefix is not a function of an input: export the model that it is attached to. Other
    adapters of the compiler can be exported, unless hooks were added that torch cannot trace.
    Nothing was written.

    Erroneous:  qcompile examples/noisy_target.qa -o noisy.pt2
    Corrected:  the same without `shots:` and `mitigate:` in the target
    """

    reason: str

    def helps(self) -> tuple[str, ...]:
        keep = "save the adapter itself: `adapter.pt` or `adapter.safetensors`"
        if "shots" in self.reason:
            return ("compile without `shots` and `mitigate` in the target", keep)
        if "prefix" in self.reason:
            return ("export the model with the adapter attached: `torch.export.export`", keep)
        return (keep,)
