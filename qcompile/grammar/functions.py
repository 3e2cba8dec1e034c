"""What the language has besides operations, with its options: for elaboration, errors and docs."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

from qcompile.ir.coupling_maps import COUPLING_MAPS, CouplingMap
from qcompile.ir.executor_names import BUILT_IN
from qcompile.ir.gates import GATES
from qcompile.ir.initialisation import INIT_ARGUMENTS, InitKind
from qcompile.ir.limits import DEFAULT_BOND, MAX_BOND, MAX_QUBITS
from qcompile.ir.patterns import FREE_PATTERNS, PATTERNS
from qcompile.ir.signature import (
    SHARE,
    TO,
    VECTOR_INITS,
    Function,
    Option,
    init_option,
    size_option,
    value_option,
)


def can_encode(gate: str) -> bool:
    """Whether one element of a value can be the angle of the gate."""
    return (GATES[gate].qubits, GATES[gate].angles) == (1, 1)


_SCALAR_MEANINGS = {
    "ceil": "least whole number not below",
    "floor": "greatest whole number not above",
    "round": "nearest whole number, halves to even",
    "log2": "logarithm to base 2",
    "min": "least of the arguments",
    "max": "greatest of the arguments",
}


def _number(*, many: bool = False) -> Option:
    meaning = "numbers" if many else "a number"
    return Option(name="a", kind="values" if many else "number", positional=True, meaning=meaning)


SCALARS: MappingProxyType[str, Function] = MappingProxyType(
    {
        name: Function(
            name=name,
            family="scalar",
            options=(_number(many=name in ("min", "max")),),
            meaning=meaning,
        )
        for name, meaning in _SCALAR_MEANINGS.items()
    }
)
"""Functions of numbers alone."""

CIRCUIT = Function(
    name="circuit",
    family="circuit",
    options=(
        size_option("n", "number of qubits", MAX_QUBITS),
        init_option("uniform(-pi, pi)", VECTOR_INITS),
        SHARE,
    ),
    meaning="a quantum circuit that is fed with values and read out",
    width="as many as are measured",
)

UNITARY = Function(
    name="unitary",
    family="circuit",
    options=(
        value_option(),
        TO,
        Option(name="adjoint", kind="bool", default="false", meaning="the transpose of the matrix"),
        init_option("uniform(-pi, pi)", VECTOR_INITS),
        SHARE,
    ),
    meaning="the orthogonal matrix of a circuit times value",
    width="`to`",
)

_DATA = value_option("the data")

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
                        choices=tuple(p for p in FREE_PATTERNS if not PATTERNS[p].halves),
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

_INIT_MEANINGS: dict[InitKind, str] = {
    "zero": "zeros; of operations with several tensors in a row only the last one, so that it "
    "gets a gradient",
    "constant": "one value",
    "normal": "Gaussian",
    "uniform": "uniform in low..high",
    "kaiming_uniform": "uniform, bound gain · √(3 / fan_in) with gain √(2 / (1 + a²))",
    "kaiming_normal": "Gaussian, std gain / √fan_in with gain √(2 / (1 + a²))",
    "xavier_uniform": "uniform, bound gain · √(6 / (fan_in + fan_out))",
    "orthogonal": "a random (semi-)orthogonal matrix times gain",
    "identity": "the identity matrix times gain",
    "pairs": "rows as of `kaiming_uniform`, each one twice in a row: reflections that cancel",
    "principal_rows": "√(S / scale) Vᵀ of the largest singular values of the module's weight",
    "principal_columns": "U √(S / scale) of the largest singular values of the module's weight",
    "qr_rows": "the first rows of R of the weight's QR decomposition",
    "qr_columns": "the first columns of Q of the weight's QR decomposition",
    "activation_rows": "directions in which the module's inputs vary most, of length 1",
    "covariance_rows": "√(S / scale) Vᵀ C⁻¹ of the largest singular values of the weight times C, "
    "the inputs' products",
    "covariance_columns": "U √(S / scale) of the same",
    "minor_covariance_rows": "the same rows of the smallest singular values",
    "minor_covariance_columns": "the same columns of the smallest singular values",
    "gradient_rows": "out^¼ / √gamma times Vᵀ of the r largest singular values of the weight's "
    "gradient",
    "gradient_columns": "out^¼ / √gamma times U of the next r singular values",
    "residual_rows": "√(S / scale) Vᵀ of what quantising took from the weight",
    "residual_columns": "U √(S / scale) of the same",
    "file": "a tensor of a .safetensors, or the one of a .npy, of the same shape",
}

_FILE_OPTIONS = (
    Option(name="path", kind="text", positional=True, meaning="relative to this source"),
    Option(name="tensor", kind="text", positional=True, optional=True, meaning="its name there"),
)


def _init_default(value: float | None) -> str | None:
    if value is None:
        return None
    return "sqrt(5)" if value == 5.0**0.5 else f"{value:g}"


INITIALISATIONS: MappingProxyType[str, Function] = MappingProxyType(
    {
        name: Function(
            name=name,
            family="initialisation",
            options=_FILE_OPTIONS
            if name == "file"
            else tuple(
                Option(
                    name=key,
                    kind="real",
                    positional=True,
                    meaning=key,
                    default=_init_default(default),
                )
                for key, default in INIT_ARGUMENTS[name]
            ),
            meaning=meaning,
        )
        for name, meaning in _INIT_MEANINGS.items()
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
        name="noise",
        values="record or device",
        default="none",
        meaning="see the fields of noise below; `device`: that of the device, on routed circuits",
    ),
    TargetField(
        name="optimise",
        values="gates, depth, fidelity",
        default="gates",
        meaning="what routing makes small: two-qubit gates, depth, or the predicted error of the"
        " outputs (fidelity, the default on a named device)",
        choices=("gates", "depth", "fidelity"),
    ),
    TargetField(
        name="mitigate",
        values="none, readout, zne, twirling, decoupling, or a list",
        default="none",
        meaning="`readout`: correction of read-out errors; the others act on a device, see"
        " running.md",
    ),
    TargetField(
        name="evaluator",
        values=", ".join(("auto", *BUILT_IN)),
        default="auto",
        meaning="how circuits are run; auto weighs the costs",
        choices=("auto", *BUILT_IN),
    ),
    TargetField(
        name="bond",
        values=f"int from 1 to {MAX_BOND}",
        default=str(DEFAULT_BOND),
        meaning="the largest bond dimension of matrix product states, which are cut beyond it",
    ),
    TargetField(
        name="run",
        values="simulator, device",
        default="simulator",
        meaning="where `adapter.on()` and `qcompile run` let circuits run; see running.md",
        choices=("simulator", "device"),
    ),
    TargetField(
        name="copies",
        values="int from 1, all, or record",
        default="1; on ibm_… all",
        meaning="copies of a circuit side by side where it runs on the device; fields below",
    ),
)

COPIES_FIELDS = (
    TargetField(
        name="most",
        values="int from 1",
        default="all",
        meaning="copies at one time, the circuit itself included",
    ),
    TargetField(
        name="tolerance",
        values="real from 0 to 10",
        default="10pct",
        meaning="by how much the predicted error of a further place may be above the circuit's own",
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
