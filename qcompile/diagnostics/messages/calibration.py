"""QA613x: start values from data."""

from __future__ import annotations

from qcompile.diagnostics.message import Message, ModuleMessage, message


@message(
    "QA6131",
    "adapter `{adapter}` on `{module}` starts from data that it has not seen: `{tensor}` ({init})",
    help="call `qcompile.calibrate(model, adapter, batches)` first; files that are saved "
    "afterwards keep the values",
)
class NotCalibrated(ModuleMessage):
    """`activation_rows`, `covariance_rows`, `gradient_rows`, `residual_rows` and their columns come
    from a few batches, or from the weights before they were quantised. Until `qcompile.calibrate`
    has been called there are no values, and nothing was attached. In peft, the configuration takes
    the calibrated adapter: `QCompileConfig(spec=adapter)`.

    Erroneous:  adapter = qcompile.compile("corda.qa", model=model)
                qcompile.attach(model, adapter)
    Corrected:  adapter = qcompile.compile("corda.qa", model=model)
                qcompile.calibrate(model, adapter, batches)
                qcompile.attach(model, adapter)
    """

    adapter: str
    tensor: str
    init: str


@message("QA6133", "there is nothing to calibrate: {reason}")
class NothingToCalibrate(Message):
    """`qcompile.calibrate` gives values to tensors whose `init` says that they come from data, and
    once: values that are there, trained ones perhaps, are not replaced.

    Erroneous:  calibrate(model, compile("lora.qa", model=model), batches)
    Corrected:  calibrate(model, compile("eva.qa", model=model), batches)
    """

    reason: str


@message("QA6135", "the adapter cannot be calibrated: {reason}")
class CalibrationFailed(Message):
    """The batches go through the model as they are: mappings by name, tuples and lists by position,
    tensors alone. Every module has to be reached, by finite numbers, and `activation_rows` by at
    least as many tokens as it has rows. A gradient needs a loss, the model's own or
    `loss=lambda output, batch: …`. Nothing was changed.

    Erroneous:  calibrate(model, adapter, [])
    Corrected:  calibrate(model, adapter, [{"input_ids": ids, "labels": ids}])
    """

    reason: str


@message("QA6137", "`original` does not fit `{module}`: {reason}")
class OriginalUnusable(ModuleMessage):
    """`residual_rows` and `residual_columns` make up for what quantising took from a weight. That
    needs the weights from before: a model with the same module names, or a folder or a file of
    safetensors with them.

    Erroneous:  calibrate(quantised, adapter)
    Corrected:  calibrate(quantised, adapter, original="models/llama")
    """

    reason: str


@message(
    "QA6139",
    "adapter `{adapter}` on `{module}` starts from `{file}`, which was not read: `{tensor}`",
    help="make the configuration from the spec: `QCompileConfig(spec=…)` reads the file",
)
class StartNotRead(ModuleMessage):
    """The files that `init: file(…)` names are read once, when a source is compiled, and what is
    saved then has their numbers beside the configuration. A configuration that was read back from
    a folder alone holds none, so that a new adapter cannot start from them.

    Erroneous:  get_peft_model(model, QCompileConfig.from_pretrained("folder"))
    Corrected:  get_peft_model(model, QCompileConfig(spec="from_file.qa"))
                qcompile.peft.load(model, "folder", trainable=True)
    """

    adapter: str
    tensor: str
    file: str
