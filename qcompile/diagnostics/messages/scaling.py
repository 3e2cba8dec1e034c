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
    """After `fully_shard`, or under ZeRO-3, each process has a shard of every parameter. Gathering
    is a collective operation: all processes must take part, or those that do wait for ever. So
    `save`, which one process calls, does not gather by itself.

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


@message(
    "QA6125",
    "the `train` clauses of adapter `{adapter}` cannot act on tensors that ZeRO-3 has partitioned",
    help="use stage 2 of ZeRO, which leaves parameters whole: adapters are small",
)
class PartitionedTensors(Message):
    """Stage 3 of DeepSpeed's ZeRO leaves an empty tensor in the place of each parameter, but while
    its module runs. Penalties and proximal steps act between these times. Stages 1 and 2 and FSDP2
    are no hindrance.

    Erroneous:  zero_optimization: {stage: 3}, for an adapter with `train` clauses
    Corrected:  zero_optimization: {stage: 2}
    """

    adapter: str
