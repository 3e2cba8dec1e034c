"""QA623x: folders of peft's own methods, and configurations with tensors to start from."""

from __future__ import annotations

from qcompile.diagnostics.message import Message, message


@message("QA6232", "the folder depends on the base model: on {needed} of `{module}`")
class BaseNotGiven(Message):
    """
    peft keeps some tensors in a form that the base model has a part in, such as DoRA's lengths of
    the rows of W, or the kernels of a convolution. Such a form can only be written where the base
    model is known. A configuration says shapes; values of weights come from its safetensors, or
    from a model in memory.

    Erroneous:  qcompile convert dora.pt folder/ --to peft
    Corrected:  qcompile convert dora.pt folder/ --to peft --model llama/
    """

    module: str
    needed: str

    def helps(self) -> tuple[str, ...]:
        return (
            "name it: `--model FOLDER`, a folder with its config.json and its safetensors",
            "in Python: `write_peft_method(adapter, folder, model=model)`",
        )


@message("QA6233", "the model that was named does not serve for `{module}`: {reason}")
class BaseUnusable(Message):
    """
    The model has to be the one that the adapter is for: with the same names of modules, of the same
    sizes, and with weights in a floating-point format where their values are needed.

    Erroneous:  qcompile convert dora.pt folder/ --to peft --model bert/
    Corrected:  qcompile convert dora.pt folder/ --to peft --model llama/
    """

    module: str
    reason: str


@message(
    "QA6234",
    "`{name}` of a QCompileConfig cannot be given beside a compiled adapter",
    help="compile the adapter with it, or give the spec as the path of a .qa file",
)
class CompiledAlready(Message):
    """
    A `spec` that is an adapter, or the file of one, is compiled: its parameters have their values,
    and its modules are chosen.

    Erroneous:  QCompileConfig(spec=adapter, parameters={"rank": 4})
    Corrected:  adapter = qcompile.compile("eva.qa", model=model, parameters={"rank": 4})
                qcompile.calibrate(model, adapter, batches)
                QCompileConfig(spec=adapter)
    """

    name: str
