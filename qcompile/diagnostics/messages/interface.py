"""QA601x: what a Python program gives to adapters, and modules that adapters cannot reach."""

from __future__ import annotations

from qcompile.diagnostics.message import Message, ModuleMessage, message


@message(
    "QA6011",
    "adapter `{adapter}` cannot be attached to `{module}`, a `{kind}`: {reason}",
    help="leave this module out of the adapter's `attach`",
)
class ModuleUnsuited(ModuleMessage):
    """An adapter takes effect where its module is called, and adds to the output of a map from
    `in_features` to `out_features`. Some modules are never called: a class derived from
    `torch.nn.MultiheadAttention` reads the weight of its `out_proj`. Others, such as grouped or
    block-diagonal maps, have a weight of another shape, or give something else than their sizes
    say. A forward pass without numbers, before training, finds what cannot be seen in the module.
    Nothing was attached.

    Erroneous:  attach "*.out_proj"       (a class derived from torch.nn.MultiheadAttention)
    Corrected:  attach "*.linear1", "*.linear2"
    """

    adapter: str
    kind: str
    reason: str


@message(
    "QA6012",
    "the model's first forward pass did not call `{module}`, which has an adapter",
    severity="warning",
    help=(
        "this is fine if other inputs call it; if not, the adapter has no effect there: leave "
        "the module out of its `attach`"
    ),
)
class PartsNotCalled(ModuleMessage):
    """An adapter takes effect where its module is called. Code that reads `module.weight` instead,
    such as `F.linear(x, self.proj.weight)` or a fused kernel, gets the weight of the base. The
    first forward pass after `attach` is watched for that. Modules that differ in numbers alone,
    such as those of all layers or experts, are taken together: one call is enough for all.

    Erroneous:  def forward(self, x): return F.linear(x, self.proj.weight, self.proj.bias)
    Corrected:  def forward(self, x): return self.proj(x)
    """


@message("QA6013", "`{function}` takes {expected} as `{argument}`, not {found}")
class WrongArgument(Message):
    """The argument of a function of the Python interface is of another type. Nothing was changed.

    Erroneous:  qcompile.attach(adapter, model)
    Corrected:  qcompile.attach(model, adapter)
    """

    function: str
    argument: str
    expected: str
    found: str
    advice: str = ""

    def helps(self) -> tuple[str, ...]:
        return (self.advice,) if self.advice else ()


@message(
    "QA6014",
    "adapter `{adapter}` takes real floating-point numbers, not {found}",
    help="convert the input first: `x.float()`",
)
class InputNotReal(Message):
    """
    The output of an adapter has the dtype of its input, or of its module's output. Integers would
    round it to zero in most places, and complex numbers would lose their imaginary part on the way.

    Erroneous:  adapter(torch.arange(128))
    Corrected:  adapter(torch.arange(128).float())
    """

    adapter: str
    found: str


@message(
    "QA6015",
    "`{path}` is a source file, not a compiled adapter",
    help=(
        'compile it first: `qcompile.compile("{path}", model=model)`, or on the command line '
        "`qcompile {path} -o adapter.pt`"
    ),
)
class SourceNotCompiled(Message):
    """
    A `.qa` file says what an adapter is; its tensors and its plan for the sizes of a model are made
    by compiling it.

    Erroneous:  qcompile.attach(model, "adapter.qa")
    Corrected:  qcompile.attach(model, qcompile.compile("adapter.qa", model=model))
    """

    path: str


@message(
    "QA6016",
    "pattern `{pattern}` leaves out {count} of the modules that it matches",
    severity="warning",
    label="not all of them can be adapted",
)
class ModulesLeftOut(Message):
    """
    A pattern takes the linear maps among the modules that it matches. Some maps are not to be had:
    those whose weight is read by the module around them, which never calls them, those whose weight
    has another shape than their sizes say, and experts that are slices of one parameter.

    Erroneous:  attach "*"     (a model with a class derived from torch.nn.MultiheadAttention)
    Corrected:  attach "*.linear?"
    """

    pattern: str
    count: int
    reasons: tuple[str, ...]

    def notes(self) -> tuple[str, ...]:
        return self.reasons


@message(
    "QA6017",
    "the vocabulary of this `{kind}` cannot be resized: its {place} has an adapter",
    help="take the adapter off (`qcompile.detach`, peft's `unload`), resize, and compile it again",
)
class VocabularyFixed(Message):
    """
    An adapter is as wide as the vocabulary for which it was compiled. transformers would
    resize the input embeddings before it finds out, so the model is left as it is.

    Erroneous:  qcompile.attach(model, head_adapter); model.resize_token_embeddings(n)
    Corrected:  model.resize_token_embeddings(n)
                adapter = qcompile.compile("adapter.qa", model=model)
                qcompile.attach(model, adapter)
    """

    kind: str
    place: str = "head"


@message("QA6018", "adapter `{adapter}` cannot use the call of `{module}`: it got {found}")
class HostCall(ModuleMessage):
    """An adapter at a norm or at a whole block takes the module's first argument, a tensor, and its
    output: a tensor, or a tuple that begins with one, as attention and layers give it. Both are as
    wide as the adapter was compiled for. A linear map gives a tensor, too. `detach` gives the model
    back.

    Erroneous:  attach "encoder"             (which gives an object with several tensors)
    Corrected:  attach "encoder.layers.[0-9]"
    """

    adapter: str
    found: str
