"""QA74xx: the configuration files of programs that train."""

from __future__ import annotations

from qcompile.diagnostics.message import Message, did_you_mean, message


@message("QA7401", "{where} must say which `spec` the adapter is made from")
class PluginBlockMissing(Message):
    """A configuration file that asks for an adapter of qcompile names its spec, the path of a .qa
    file or its text, and may set the other fields of a QCompileConfig beside it.

    Erroneous:  adapter: qcompile
    Corrected:  adapter: qcompile
                qcompile: {spec: adapter.qa}
    """

    where: str
    example: str

    def helps(self) -> tuple[str, ...]:
        return (f"`{self.example}`",)


@message("QA7402", "`{name}` is no setting of {where}")
class PluginSettingUnknown(Message):
    """Settings are the fields of a QCompileConfig. Parameters of the spec go into `parameters`.

    Erroneous:  qcompile: {spec: adapter.qa, rank: 8}
    Corrected:  qcompile: {spec: adapter.qa, parameters: {rank: 8}}
    """

    name: str
    where: str
    candidates: tuple[str, ...] = ()

    def helps(self) -> tuple[str, ...]:
        return (*did_you_mean(self.candidates), "parameters of the spec go into `parameters`")


@message("QA7403", "`{name}` has no effect with `adapter: qcompile`")
class PluginSettingIgnored(Message):
    """Axolotl reads the setting for adapters of its own. It would be left out without a word.

    Erroneous:  adapter: qcompile
                lora_r: 8
    Corrected:  adapter: qcompile
                qcompile: {spec: adapter.qa, parameters: {rank: 8}}
    """

    name: str
    advice: str

    def helps(self) -> tuple[str, ...]:
        return (self.advice,)


@message(
    "QA7404",
    "the spec has `train` clauses, which LLaMA-Factory's loop does not carry out",
    help="train it with transformers' Trainer, or take the clauses out",
)
class ClausesNotCalled(Message):
    """Penalties and proximal steps act around each step of the optimiser, by a callback of
    transformers' Trainer. LLaMA-Factory's version 1 has a loop of its own, in which they would be
    left out without a word.

    Erroneous:  peft_config: {name: qcompile, spec: examples/sora.qa}
    Corrected:  peft_config: {name: qcompile, spec: examples/lora.qa}
    """
