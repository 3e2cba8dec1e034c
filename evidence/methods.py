"""The table of what is compared: one row a method.

Two budgets. `steps`: each method in the shape that its paper or its example gives it, for equally
many steps. `parameters`: for the same steps again, with the row's knob turned until its trainable
parameters are as near as possible to those of LoRA of rank 4 on the same modules.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path
from typing import Literal

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"

Budget = Literal["steps", "parameters"]
BUDGETS: tuple[Budget, ...] = ("steps", "parameters")

Value = bool | int | float | str


class Reference(Enum):
    """What is no adapter."""

    HEAD = "the head alone on the frozen model"
    FULL = "every weight of the layers that adapters sit in"
    FROZEN = "the model as it is"
    BAYES = "naive Bayes on words"
    MAJORITY = "the most frequent class"


@dataclass(frozen=True, slots=True, kw_only=True)
class Knob:
    """The parameter of a file that decides how large its adapter is; larger is not smaller."""

    name: str
    settings: Sequence[int]
    """From the smallest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """A row of the table."""

    name: str
    file: str
    """Below examples/."""
    parameters: Mapping[str, Value] = field(default_factory=dict)
    """Of the file, where they differ from its defaults; for budget `steps`."""
    knob: Knob | None = None
    """None: the method has no size to choose, budget `parameters` leaves it out."""
    matched: Mapping[str, Value] | None = None
    """Of the file for budget `parameters`, besides the knob; None: as for `steps`."""
    place: Literal["linear", "attention"] = "linear"
    """The kind of module that it sits in: query and value maps, or the attention around them."""
    control: bool = False
    """Every circuit replaced by a classical map of as many parameters."""
    unfit: Mapping[str, str] = field(default_factory=dict)
    """Tasks whose modules it cannot sit in, and why."""
    about: str = ""

    @property
    def path(self) -> Path:
        return EXAMPLES / self.file


RANK = Knob(name="rank", settings=range(1, 65))
QUBITS = Knob(name="rank", settings=range(1, 13))

_ADAPTERS = (
    Method(name="lora", file="lora.qa", parameters={"rank": 4}, knob=RANK, about="LoRA"),
    Method(
        name="sora",
        file="sora.qa",
        parameters={"rank": 8},
        knob=RANK,
        about="LoRA of rank 8 with a gate that training makes sparse",
    ),
    Method(
        name="lotr",
        file="lotr.qa",
        parameters={"rank": 4},
        knob=RANK,
        unfit={"prose": "it shares its outer factors between modules, which have two sizes there"},
        about="outer factors shared by all modules",
    ),
    Method(
        name="mpo",
        file="mpo.qa",
        parameters={"bond": 4},
        knob=Knob(name="bond", settings=range(1, 33)),
        about="one matrix product operator",
    ),
    Method(
        name="qtha",
        file="qtha.qa",
        parameters={"rank": 4},
        knob=Knob(name="bond", settings=range(1, 17)),
        matched={"rank": 4, "bus": 64},
        about="tensor network, circuit, both branches added (v2)",
    ),
    Method(
        name="qtha_v1",
        file="relatives/qtha_v1.qa",
        parameters={"rank": 4},
        knob=Knob(name="bond", settings=range(1, 17)),
        matched={"rank": 4, "bus": 64},
        about="the same, branches multiplied (v1)",
    ),
    Method(
        name="a",
        file="relatives/a.qa",
        knob=Knob(name="bond", settings=range(1, 17)),
        matched={"bus": 64},
        about="QTHA's tensor networks alone",
    ),
    Method(
        name="ab",
        file="relatives/ab.qa",
        parameters={"rank": 4},
        knob=Knob(name="bond", settings=range(1, 17)),
        matched={"rank": 4, "bus": 64},
        about="QTHA without its circuit",
    ),
    Method(
        name="b",
        file="relatives/b.qa",
        parameters={"rank": 4},
        knob=RANK,
        about="QTHA's classical branch alone",
    ),
    Method(
        name="c",
        file="relatives/c.qa",
        parameters={"rank": 4},
        knob=QUBITS,
        about="QTHA's circuit alone",
    ),
    Method(
        name="bc",
        file="relatives/bc.qa",
        parameters={"rank": 4},
        knob=QUBITS,
        about="both branches, no tensor networks",
    ),
    Method(
        name="bd",
        file="relatives/bd.qa",
        parameters={"rank": 4},
        knob=RANK,
        about="BC with two classical layers for the circuit",
    ),
    Method(
        name="be",
        file="relatives/be.qa",
        parameters={"rank": 4},
        knob=RANK,
        about="BC with three",
    ),
    Method(
        name="bf",
        file="relatives/bf.qa",
        parameters={"rank": 4},
        knob=RANK,
        about="BC with four",
    ),
    Method(
        name="qaa",
        file="qaa.qa",
        about="amplitude embedding of the whole input",
    ),
    Method(
        name="hybrid",
        file="hybrid.qa",
        parameters={"rank": 4},
        knob=Knob(name="rank", settings=range(2, 13)),
        about="branches multiplied and added",
    ),
    Method(
        name="quantum_peft",
        file="quantum_peft.qa",
        parameters={"rank": 4, "layers": 1},
        knob=Knob(name="layers", settings=range(1, 49)),
        about="U Λ Vᵀ, U and V orthogonal matrices of circuits",
    ),
    Method(
        name="quanta",
        file="quanta.qa",
        parameters={"sites": 4},
        about="dense tensors on every pair of axes",
    ),
    Method(
        name="monarch",
        file="monarch.qa",
        parameters={"count": 8},
        knob=Knob(name="count", settings=(2, 4, 8, 16)),
        about="two block-diagonal matrices with a permutation between them",
    ),
    Method(
        name="cayley",
        file="cayley.qa",
        parameters={"size": 4},
        knob=Knob(name="size", settings=(2, 4, 8, 16, 32)),
        about="the output turned by small orthogonal blocks",
    ),
    Method(
        name="qpa",
        file="qpa.qa",
        parameters={"rank": 4},
        about="a circuit and a network generate LoRA's weights",
    ),
    Method(
        name="prefix_tuning",
        file="prefix_tuning.qa",
        parameters={"tokens": 8},
        knob=Knob(name="tokens", settings=range(1, 33)),
        place="attention",
        about="trained keys and values before those of the text",
    ),
    Method(
        name="prefix_mlp",
        file="prefix_mlp.qa",
        parameters={"tokens": 8},
        place="attention",
        about="prefixes that a small network makes, dropped after training",
    ),
)

CONTROLLED = ("qtha", "qtha_v1", "c", "bc", "qaa", "hybrid")
"""The methods with a circuit on data, which a classical map can take the place of."""


def _control(method: Method) -> Method:
    about = f"{method.name} with a classical map for its circuit"
    return replace(method, name=f"{method.name}-control", control=True, about=about)


ADAPTERS: Mapping[str, Method] = {
    row.name: row
    for method in _ADAPTERS
    for row in ((method, _control(method)) if method.name in CONTROLLED else (method,))
}

LORA = ADAPTERS["lora"]
