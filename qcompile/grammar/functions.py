"""The functions of the language with their options: one table for elaboration, errors and docs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from qcompile.ir.coupling_maps import COUPLING_MAPS, CouplingMap
from qcompile.ir.executor_names import BUILT_IN
from qcompile.ir.gates import GATES
from qcompile.ir.limits import (
    MAX_BLOCK,
    MAX_DIGITS,
    MAX_GATE_SITES,
    MAX_QUBITS,
    MAX_SITES,
    MAX_WIDTH,
)
from qcompile.ir.patterns import PATTERNS

OptionKind = Literal[
    "value", "values", "vector", "tensors", "int", "real", "bool", "text", "init", "ints", "choice",
    "pairs", "number",
]  # fmt: skip
Family = Literal[
    "trainable",
    "activation",
    "structure",
    "table",
    "scalar",
    "circuit",
    "encoding",
    "initialisation",
    "device",
    "penalty",
    "proximal",
]

VECTOR_INITS = ("zero", "constant", "normal", "uniform")
MPO_INITS = (
    "zero",
    "constant",
    "normal",
    "uniform",
    "kaiming_uniform",
    "kaiming_normal",
    "xavier_uniform",
)


_FREE_PATTERNS = tuple(name for name, row in PATTERNS.built_in.items() if row.pairs is not None)
GATE_PATTERNS = tuple(sorted(_FREE_PATTERNS, key=lambda name: name != "all"))
"""Of the axes of a tensor, the default first."""


def can_encode(gate: str) -> bool:
    """Whether one element of a value can be the angle of the gate."""
    return (GATES[gate].qubits, GATES[gate].angles) == (1, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One argument: by position where `positional`, else by name."""

    name: str
    kind: OptionKind
    meaning: str
    default: str | None = None
    """As written in a file; None: required, unless `optional`."""
    optional: bool = False
    """May be left out without a default."""
    positional: bool = False
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    more: Callable[[str], bool] = lambda _: False
    """Whether a word that is none of them is one that another package offers."""

    @property
    def required(self) -> bool:
        return self.default is None and not self.optional


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """A function, encoding, initialisation or device of the language."""

    name: str
    family: Family
    options: tuple[Option, ...]
    meaning: str
    width: str = ""
    """Of the value it gives, in words."""

    @property
    def positional(self) -> tuple[Option, ...]:
        return tuple(option for option in self.options if option.positional)

    @property
    def signature(self) -> str:
        """`linear(v, to: int, bias: bool = false, …)`"""
        return f"{self.name}({', '.join(_shown(option) for option in self.options)})"


def _shown(option: Option) -> str:
    words = {"ints": "[int, …]", "pairs": "[(int, int), …]", "number": "real", "vector": "value"}
    if option.positional:
        if option.kind == "values":
            return f"{option.name}, …"
        return option.name if option.default is None else f"{option.name} = {option.default}"
    kind = (
        "|".join(option.choices) if option.kind == "choice" else words.get(option.kind, option.kind)
    )
    if option.default is not None:
        return f"{option.name}: {kind} = {option.default}"
    return f"{option.name}: {kind}"


def _value(meaning: str = "the value") -> Option:
    return Option(name="v", kind="value", meaning=meaning, positional=True)


def _init(default: str, choices: tuple[str, ...] = ()) -> Option:
    return Option(
        name="init", kind="init", default=default, choices=choices, meaning="how the tensors start"
    )


_TO = Option(name="to", kind="int", low=1, high=MAX_WIDTH, meaning="width of the result")
_SHARE = Option(
    name="share",
    kind="text",
    optional=True,
    meaning="key: all places and modules with the same key use the same tensors",
)

_TRAINABLE = (
    Function(
        name="linear",
        family="trainable",
        options=(
            _value(),
            _TO,
            Option(name="bias", kind="bool", default="false", meaning="whether a vector is added"),
            _init("kaiming_uniform"),
            _SHARE,
            Option(
                name="weight",
                kind="vector",
                optional=True,
                meaning="the matrix, row by row: a value that does not depend on `x`, instead of"
                " trainable tensors",
            ),
        ),
        meaning="matrix times value",
        width="`to`",
    ),
    Function(
        name="mpo",
        family="trainable",
        options=(
            _value(),
            _TO,
            Option(
                name="sites",
                kind="int",
                low=2,
                high=MAX_SITES,
                optional=True,
                meaning="number of cores; needed unless modes are given",
            ),
            Option(
                name="bond",
                kind="int",
                low=1,
                high=65_536,
                optional=True,
                meaning="one bond dimension for all bonds",
            ),
            Option(
                name="bonds",
                kind="ints",
                low=1,
                high=65_536,
                optional=True,
                meaning="bond dimensions, sites - 1 of them; either this or `bond`",
            ),
            Option(
                name="in_modes",
                kind="ints",
                low=1,
                high=MAX_WIDTH,
                optional=True,
                meaning="how the input's width is factored; found where not given",
            ),
            Option(
                name="out_modes",
                kind="ints",
                low=1,
                high=MAX_WIDTH,
                optional=True,
                meaning="how `to` is factored; found where not given",
            ),
            _init("kaiming_normal", MPO_INITS),
            _SHARE,
        ),
        meaning="matrix product operator: a matrix kept as a chain of small cores",
        width="`to`",
    ),
    Function(
        name="tensor_gates",
        family="trainable",
        options=(
            _value(),
            _TO,
            Option(
                name="sites",
                kind="int",
                low=2,
                high=MAX_GATE_SITES,
                optional=True,
                meaning="number of axes; their modes are found",
            ),
            Option(
                name="modes",
                kind="ints",
                low=1,
                high=MAX_WIDTH,
                optional=True,
                meaning="extents of the axes; either this or `sites`",
            ),
            Option(
                name="pattern",
                kind="choice",
                default="all",
                choices=GATE_PATTERNS,
                more=lambda word: word in PATTERNS and PATTERNS[word].pairs is not None,
                meaning="pairs of axes that get a gate, in order",
            ),
            _init("identity"),
            _SHARE,
        ),
        meaning="the value as a tensor of several axes, with a matrix on each pair of them in turn",
        width="`to`",
    ),
    Function(
        name="cayley",
        family="trainable",
        options=(
            _value(),
            Option(
                name="block",
                kind="int",
                low=2,
                high=MAX_BLOCK,
                default="4",
                meaning="rows of each matrix; it divides the width",
            ),
            _init("zero", VECTOR_INITS),
            _SHARE,
        ),
        meaning="an orthogonal matrix on every block of elements in a row",
        width="that of v",
    ),
    Function(
        name="vector",
        family="trainable",
        options=(
            Option(
                name="n", kind="int", low=1, high=MAX_WIDTH, positional=True, meaning="its width"
            ),
            _init("normal", VECTOR_INITS),
            _SHARE,
        ),
        meaning="a trainable vector, the same for every token",
        width="`n`",
    ),
    Function(
        name="table",
        family="trainable",
        options=(
            Option(
                name="rows",
                kind="int",
                low=1,
                high=MAX_WIDTH,
                positional=True,
                meaning="number of rows",
            ),
            Option(
                name="n", kind="int", low=1, high=MAX_WIDTH, positional=True, meaning="their width"
            ),
            _init("normal", VECTOR_INITS),
            _SHARE,
        ),
        meaning="a trainable table, the same for every token",
        width="`n`, a table",
    ),
)

_TABLES = (
    Function(
        name="bits",
        family="table",
        options=(
            Option(
                name="n",
                kind="int",
                low=1,
                high=MAX_DIGITS,
                positional=True,
                meaning="number of binary digits",
            ),
        ),
        meaning="all 2^n numbers of n binary digits, each a row of 0 and 1, in order",
        width="`n`, a table",
    ),
    Function(
        name="rows",
        family="table",
        options=(
            _value("a value that does not depend on `x`"),
            Option(
                name="n",
                kind="int",
                low=1,
                high=MAX_WIDTH,
                positional=True,
                meaning="number of rows",
            ),
        ),
        meaning="a value cut into n rows",
        width="that of v divided by n, a table",
    ),
    Function(
        name="flat",
        family="table",
        options=(_value("a table"),),
        meaning="the rows of a table, one after the other",
        width="rows times width of the table",
    ),
)

_ACTIVATION_MEANINGS = {
    "relu": "max(v, 0)",
    "gelu": "Gaussian error linear unit",
    "silu": "v · sigmoid(v)",
    "tanh": "hyperbolic tangent",
    "sigmoid": "1 / (1 + e^-v)",
    "sin": "sine",
    "cos": "cosine",
    "exp": "e^v; of a number: a number",
    "softplus": "log(1 + e^v)",
    "abs": "absolute value; of a number: a number",
    "square": "v · v",
}

ACTIVATIONS = tuple(_ACTIVATION_MEANINGS)

_STRUCTURE = (
    Function(
        name="dropout",
        family="structure",
        options=(
            _value(),
            Option(
                name="p",
                kind="real",
                low=0,
                high=1,
                positional=True,
                meaning="probability of zero, below 1",
            ),
        ),
        meaning="zeroes elements in training and scales the others by 1 / (1 - p)",
        width="that of v",
    ),
    Function(
        name="concat",
        family="structure",
        options=(Option(name="v", kind="values", positional=True, meaning="values in order"),),
        meaning="values side by side",
        width="the sum of the widths",
    ),
    Function(
        name="resize",
        family="structure",
        options=(
            _value(),
            Option(
                name="n", kind="int", low=1, high=MAX_WIDTH, positional=True, meaning="its width"
            ),
        ),
        meaning="the first n elements, or all of them and zeros behind",
        width="`n`",
    ),
)

_SCALAR_MEANINGS = {
    "ceil": "least whole number not below",
    "floor": "greatest whole number not above",
    "round": "nearest whole number, halves to even",
    "sqrt": "square root",
    "log2": "logarithm to base 2",
    "min": "least of the arguments",
    "max": "greatest of the arguments",
}


def _number(*, many: bool = False) -> Option:
    meaning = "numbers" if many else "a number"
    return Option(name="a", kind="values" if many else "number", positional=True, meaning=meaning)


FUNCTIONS: MappingProxyType[str, Function] = MappingProxyType(
    {function.name: function for function in (*_TRAINABLE, *_STRUCTURE, *_TABLES)}
    | {
        name: Function(
            name=name,
            family="activation",
            options=(_value(),),
            meaning=meaning,
            width="that of v",
        )
        for name, meaning in _ACTIVATION_MEANINGS.items()
    }
    | {
        name: Function(
            name=name,
            family="scalar",
            options=(_number(many=name in ("min", "max")),),
            meaning=meaning,
        )
        for name, meaning in _SCALAR_MEANINGS.items()
    }
)
"""What can be called in an expression, blocks aside."""

BOTH = ("abs", "exp")
"""Activations that are also functions of numbers."""

CIRCUIT = Function(
    name="circuit",
    family="circuit",
    options=(
        Option(
            name="n",
            kind="int",
            low=1,
            high=MAX_QUBITS,
            positional=True,
            meaning="number of qubits",
        ),
        _init("uniform(-pi, pi)", VECTOR_INITS),
        _SHARE,
    ),
    meaning="a quantum circuit that is fed with values and read out",
    width="as many as are measured",
)

UNITARY = Function(
    name="unitary",
    family="circuit",
    options=(
        _value(),
        _TO,
        Option(name="adjoint", kind="bool", default="false", meaning="the transpose of the matrix"),
        _init("uniform(-pi, pi)", VECTOR_INITS),
        _SHARE,
    ),
    meaning="the orthogonal matrix of a circuit times value",
    width="`to`",
)

_DATA = _value("the data")

ENCODINGS: MappingProxyType[str, Function] = MappingProxyType(
    {
        function.name: function
        for function in (
            Function(
                name="angle",
                family="encoding",
                options=(
                    _DATA,
                    Option(
                        name="gate",
                        kind="choice",
                        default="ry",
                        choices=tuple(name for name in GATES.built_in if can_encode(name)),
                        more=lambda word: word in GATES and can_encode(word),
                        meaning="the rotation",
                    ),
                    Option(name="scale", kind="real", default="1", meaning="factor of the angles"),
                    Option(
                        name="squash",
                        kind="choice",
                        optional=True,
                        choices=("tanh", "sigmoid", "sin", "cos"),
                        meaning="function applied to the data before the factor",
                    ),
                ),
                meaning="element i becomes the angle of a rotation on the i-th wire",
                width="at most the number of wires; fewer elements repeat",
            ),
            Function(
                name="amplitude",
                family="encoding",
                options=(
                    _DATA,
                    Option(
                        name="norm",
                        kind="choice",
                        default="drop",
                        choices=("drop", "keep"),
                        meaning="whether the read-out is multiplied by the norm of the data",
                    ),
                ),
                meaning="the data, divided by their norm, become the amplitudes of the state",
                width="at most 2^n; zero-padded",
            ),
            Function(
                name="basis",
                family="encoding",
                options=(_DATA,),
                meaning="X on the i-th wire where element i is positive; no gradient to the data",
                width="at most the number of wires; fewer elements repeat",
            ),
            Function(
                name="iqp",
                family="encoding",
                options=(
                    _DATA,
                    Option(
                        name="pattern",
                        kind="choice",
                        default="all",
                        choices=tuple(p for p in _FREE_PATTERNS if not PATTERNS[p].halves),
                        more=lambda word: word in PATTERNS and word not in PATTERNS.built_in,
                        meaning="pairs that get a product of two elements",
                    ),
                ),
                meaning="H on every qubit, RZ(v_i), and RZZ(v_i v_j) on pairs",
                width="at most the number of qubits; fewer elements repeat",
            ),
        )
    }
)

MEASUREMENTS = ("x", "y", "z", "probs")

_INIT_MEANINGS = {
    "zero": "zeros; for an MPO only the last core, the others kaiming_normal; for tensor gates "
    "only the last one, the others the identity",
    "constant": "one value",
    "normal": "Gaussian",
    "uniform": "uniform in low..high",
    "kaiming_uniform": "uniform, bound gain · √(3 / fan_in) with gain √(2 / (1 + a²))",
    "kaiming_normal": "Gaussian, std gain / √fan_in with gain √(2 / (1 + a²))",
    "xavier_uniform": "uniform, bound gain · √(6 / (fan_in + fan_out))",
    "orthogonal": "a random (semi-)orthogonal matrix times gain",
    "identity": "the identity matrix times gain",
}


def _init_arguments(name: str, required: tuple[str, ...], optional: dict[str, str]) -> Function:
    return Function(
        name=name,
        family="initialisation",
        options=tuple(
            Option(name=key, kind="real", positional=True, meaning=key, default=optional.get(key))
            for key in (*required, *optional)
        ),
        meaning=_INIT_MEANINGS[name],
    )


INITIALISATIONS: MappingProxyType[str, Function] = MappingProxyType(
    {
        function.name: function
        for function in (
            _init_arguments("zero", (), {}),
            _init_arguments("constant", ("value",), {}),
            _init_arguments("normal", (), {"std": "1", "mean": "0"}),
            _init_arguments("uniform", ("low", "high"), {}),
            _init_arguments("kaiming_uniform", (), {"a": "sqrt(5)"}),
            _init_arguments("kaiming_normal", (), {"a": "0"}),
            _init_arguments("xavier_uniform", (), {"gain": "1"}),
            _init_arguments("orthogonal", (), {"gain": "1"}),
            _init_arguments("identity", (), {"gain": "1"}),
        )
    }
)


def coupling_function(name: str, family: CouplingMap) -> Function:
    """How a family of ideal devices is called."""
    sizes = (
        Option(name=size, kind="int", low=1, high=family.largest, positional=True, meaning=meaning)
        for size, meaning in family.sizes
    )
    return Function(name=name, family="device", options=tuple(sizes), meaning=family.meaning)


LISTED = Function(
    name="coupling",
    family="device",
    options=(Option(name="pairs", kind="pairs", positional=True, meaning="pairs of qubits"),),
    meaning="exactly these pairs",
)
"""The device whose couplings are written one by one."""

DEVICES: MappingProxyType[str, Function] = MappingProxyType(
    {
        **{name: coupling_function(name, row) for name, row in COUPLING_MAPS.built_in.items()},
        LISTED.name: LISTED,
    }
)


_TENSORS = Option(name="g", kind="tensors", positional=True, meaning="name of tensors")

PENALTIES: MappingProxyType[str, Function] = MappingProxyType(
    {
        name: Function(name=name, family="penalty", options=(_TENSORS,), meaning=meaning)
        for name, meaning in (
            ("l1", "Σ |g|, the sum of the absolute values of all elements"),
            ("mean_abs", "Σ |g| divided by the number of elements"),
            ("l2", "Σ g², the sum of the squares of all elements"),
        )
    }
)
"""What `regularise` takes."""

PROXIMALS: MappingProxyType[str, Function] = MappingProxyType(
    {
        "soft_threshold": Function(
            name="soft_threshold",
            family="proximal",
            options=(
                _TENSORS,
                Option(name="t", kind="real", low=0, positional=True, meaning="the threshold"),
            ),
            meaning="each element becomes sign(g) max(|g| - t, 0)",
        )
    }
)
"""What `proximal` takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetField:
    """A field of a target or of its noise record."""

    name: str
    values: str
    default: str
    meaning: str
    choices: tuple[str, ...] = ()


TARGET_FIELDS = (
    TargetField(
        name="device",
        values='"name" or a coupling map',
        default="none: simulation only",
        meaning="what circuits are routed for",
    ),
    TargetField(
        name="dtype",
        values="float32, float64",
        default="float32",
        meaning="precision of the simulator",
        choices=("float32", "float64"),
    ),
    TargetField(
        name="shots",
        values="int from 1 to 10^9",
        default="exact",
        meaning="repetitions for each expectation value",
    ),
    TargetField(
        name="noise", values="record", default="none", meaning="see the fields of noise below"
    ),
    TargetField(
        name="optimise",
        values="gates, depth, fidelity",
        default="gates",
        meaning="what routing makes small, or large for fidelity",
        choices=("gates", "depth", "fidelity"),
    ),
    TargetField(
        name="mitigate",
        values="none, readout",
        default="none",
        meaning="correction of read-out errors",
        choices=("none", "readout"),
    ),
    TargetField(
        name="evaluator",
        values=", ".join(("auto", *BUILT_IN)),
        default="auto",
        meaning="how circuits are run; auto weighs the costs",
        choices=("auto", *BUILT_IN),
    ),
)

NOISE_FIELDS = (
    TargetField(
        name="one_qubit",
        values="probability",
        default="0",
        meaning="depolarising after one-qubit gates",
    ),
    TargetField(
        name="two_qubit",
        values="probability",
        default="0",
        meaning="depolarising after two-qubit gates",
    ),
    TargetField(
        name="readout",
        values="p or [p01, p10]",
        default="0",
        meaning="probability to read 1 for 0, and 0 for 1",
    ),
)

SCALAR_FUNCTIONS = (*_SCALAR_MEANINGS, *BOTH)
