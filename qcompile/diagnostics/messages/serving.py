"""QA7305, QA7306: folders that transformers loads as a model with an adapter."""

from __future__ import annotations

from qcompile.diagnostics.message import Message, message


@message(
    "QA7305",
    "the base model `{base}` cannot be served with an adapter: {reason}",
    help="name the folder of the base, with config.json and weights: `--base models/llama`",
)
class BaseNotServable(Message):
    """`--to transformers` writes a folder that names its base model. The base is a folder on this
    machine, as `save_pretrained` writes it, of a model of transformers that an auto class gives: a
    causal language model, a classifier, an encoder. Its weights are not copied. Nothing was
    written.

    Erroneous:  qcompile convert trained.pt served/ --to transformers
    Corrected:  qcompile convert trained.pt served/ --to transformers --base models/llama
    """

    base: str
    reason: str


@message(
    "QA7306",
    "the base model `{base}` of `{folder}` cannot be loaded: {reason}",
    help="name another place with `from_pretrained(…, qcompile_base=PATH)`, or as `qcompile_base`"
    " in config.json",
)
class BaseNotLoaded(Message):
    """A folder that `convert --to transformers` wrote holds an adapter and names its base model: a
    path, `./…` for one inside the folder, or a name on a hub. The base must have every weight of
    the configuration in the folder, with its shape; none is drawn at random.

    Erroneous:  AutoModelForCausalLM.from_pretrained("served", trust_remote_code=True)
    Corrected:  AutoModelForCausalLM.from_pretrained("served", trust_remote_code=True,
                                                     qcompile_base="models/llama")
    """

    base: str
    folder: str
    reason: str
