"""Circuits as texts of the language, over every statement that a circuit can have."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from hypothesis import strategies as st

from qcompile.ir.gates import GATES
from qcompile.ir.patterns import PATTERNS

FACTORS = st.sampled_from(("0.5", "1", "2", "-1.5", "1e-2", "pi / 2", "25pct", "30deg"))
LAYERS = """gate tilt = [[0.6, (0, 0.8)], [(0, 0.8), 0.6]]
gate mix = [[1, 0, 0, 0], [0, 0.6, (0, 0.8), 0], [0, -0.8, (0, 0.6), 0], [0, 0, 0, (0, 1)]]
gate held = controlled(tilt)

layer brick(angle: real = 0.5) {
    ry
    rz(angle)
    cz line
}

layer upload(data, depth: int = 1) {
    encode angle(data, gate: rx, scale: 0.7)
    repeat depth {
        rot shared
        cx line reversed
    }
}
"""
"""User-defined gates, and layers for circuits of at least two qubits."""

_ONE = {angles: [n for n, g in GATES.built_in.items() if g.qubits == 1 and g.angles == angles]
        for angles in (0, 1, 3)}  # fmt: skip
_TWO = {angles: [n for n, g in GATES.built_in.items() if g.qubits == 2 and g.angles == angles]
        for angles in (0, 1)}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a circuit sees: values with their widths, whether the layers are defined."""

    widths: dict[str, int]
    layers: bool
    narrow: Callable[[str, int], str]
    """(value, width) → a value of that width that is bound before the circuit."""


def circuit_sources(draw: st.DrawFn, name: str, around: Surroundings) -> tuple[str, int]:
    """A circuit of at most 4 qubits that reads `name`, and its width."""
    qubits = draw(st.integers(1, 4))
    lines, data = _encoding(draw, name, qubits, around)
    banks = []
    if draw(st.booleans()):
        banks.append("angles theta[2] init normal(0.3)")
        if draw(st.booleans()):
            banks.append(f"angles phi[{qubits}]")
    terms = [f"{data}[{draw(st.integers(0, around.widths[data] - 1))}]"]
    terms += ["theta[1]", "theta[0]"] if banks else []
    terms += ["phi[0]"] if len(banks) > 1 else []

    def gate() -> str:
        return _gate(draw, qubits, terms)

    inner = [gate() for _ in range(draw(st.integers(1, 4)))]
    if around.layers and qubits > 1:
        called = ["tilt on 0", "mix line", "held on (1, 0)", "adjoint { mix line; tilt }"]
        called += ["brick()", "brick(angle: 0.25)", f"upload({data})", f"upload({data}, depth: 2)"]
        inner += draw(st.lists(st.sampled_from(called), max_size=2))
    inner += _undone_or_chosen(draw, gate)
    if draw(st.integers(0, 2)) == 0:
        inner.append(f"encode angle({data}, squash: tanh)")
    if draw(st.booleans()):
        count = draw(st.sampled_from(("1", "2", "rank")))
        lines += [f"repeat {count} {{", *(f"    {line}" for line in inner), "}"]
    else:
        lines += inner
    lines += draw(st.sampled_from(([], *_loops(qubits, len(banks) > 1))))
    # Banks come before all gates, and amplitude encoding before everything else.
    first = 1 if lines and "amplitude" in lines[0] else 0
    lines[first:first] = banks
    measured, width = _measurements(draw, qubits)
    if draw(st.integers(0, 5)) == 0:
        # Each takes a qubit more, so that there are few.
        kinds = ("reset on 0", "measure z on 0", f'measure "X{qubits - 1}"')
        between = draw(st.sampled_from(kinds))
        width += between.startswith("measure")
        lines += [between, gate()]
    options = draw(st.sampled_from(("", "", ", init: normal(0.1)", ", init: zero")))
    body = "".join(f"        {line}\n" for line in (*lines, *measured))
    return f"circuit({qubits} qubits{options}) {{\n{body}    }}", width


def _undone_or_chosen(draw: st.DrawFn, gate: Callable[[], str]) -> list[str]:
    """An inverse, a choice that is decided at once or at the module's sizes, or neither."""
    conditions = ("rank > 1", "not true", "in_features > 2", "out_features == 3")
    condition = draw(st.sampled_from(conditions))
    match draw(st.sampled_from(("neither", "neither", "inverse", "choice", "both"))):
        case "inverse":
            return ["adjoint {", f"    {gate()}", f"    {gate()}", "}"]
        case "choice":
            return [f"if {condition} {{", f"    {gate()}", "} else {", f"    {gate()}", "}"]
        case "both":
            inside = [f"    if {condition} {{", f"        {gate()}", "    }", f"    {gate()}"]
            return ["adjoint {", *inside, "}"]
        case _:
            return []


def unitary_sources(draw: st.DrawFn, name: str, width: int) -> tuple[str, int]:
    """The matrix of a circuit of real gates on `name`, which is so wide, and its width."""
    to = draw(st.integers(1 if width > 1 else 2, 9))
    qubits = max(width, to).bit_length() - 1
    banks = draw(st.sampled_from(((), ("angles theta[2] init normal(0.3)",))))
    one: list[str] = ["ry", "ry shared", "h", "x", "z", "ry(0.5)", "ry on even"]
    one += ["ry(theta[0] - 0.5 * theta[1])", "ry(theta[1]) on 0"] * len(banks)
    two = ["cz line", "cry line", "cx brickwork", "cz brickwork even", "ry brickwork even"]
    two += ["ch on (1, 0)", "swap on (0, 1)", "cry(0.7) all", "cry shared line reversed"]
    gates = draw(st.lists(st.sampled_from(one + two * (qubits > 1)), min_size=1, max_size=6))
    if draw(st.booleans()):
        gates = ["repeat 2 {", *(f"    {gate}" for gate in gates), "}"]
    if draw(st.integers(0, 3)) == 0:
        gates = ["ry", "adjoint {", *(f"    {gate}" for gate in gates), "}"]
    options = draw(st.sampled_from(("", "", ", init: normal(0.1)", ", adjoint: true")))
    body = "".join(f"        {line}\n" for line in (*banks, *gates))
    return f"unitary({name}, to: {to}{options}) {{\n{body}    }}", to


def _encoding(
    draw: st.DrawFn, name: str, qubits: int, around: Surroundings
) -> tuple[list[str], str]:
    """The first statements, and a value that is as wide as the circuit at most."""
    width = around.widths[name]
    kind = draw(st.sampled_from(("angle", "angle", "amplitude", "basis", "iqp", "none")))
    if kind == "amplitude" and width <= 2**qubits:
        norm = draw(st.sampled_from(("", ", norm: keep", ", norm: drop")))
        data = name if width <= qubits else around.narrow(name, qubits)
        return [f"encode amplitude({name}{norm})"], data
    data = name
    if width > qubits:
        data = around.narrow(name, draw(st.integers(1, qubits)))
    match kind:
        case "basis":
            return [f"encode basis({data})"], data
        case "iqp":
            pattern = draw(st.sampled_from(("", ", pattern: line", ", pattern: all")))
            return [f"encode iqp({data}{pattern})"], data
        case "none":
            return [], data
        case _:
            gate = draw(st.sampled_from(("", ", gate: rx", ", gate: rz", ", gate: phase")))
            scale = draw(st.sampled_from(("", ", scale: 0.5", ", scale: pi")))
            squash = draw(st.sampled_from(("", *(f", squash: {it}" for it in _SQUASHES))))
            wires = ""
            if around.widths[data] == 1:
                wires = draw(st.sampled_from(("", " on 0", " on even")))
            start = draw(st.sampled_from(([], ["h"])))
            return [*start, f"encode angle({data}{gate}{scale}{squash}){wires}"], data


_SQUASHES = ("tanh", "sigmoid", "sin", "cos")


def _loops(qubits: int, bank: bool) -> list[list[str]]:
    found = [
        [f"for i in 0..{qubits} {{", "    rx(0.1 * i) on i", "}"],
        ["for i in 0..2 {", "    rz shared", "    repeat i {", "        ry on 0", "    }", "}"],
    ]
    if bank:
        found.append([f"for i in 0..{qubits} {{", "    ry(phi[i] - 0.2) on i", "}"])
    if qubits > 1:
        found.append([f"for i in 1..{qubits} {{", "    crz on (i - 1, i)", "}"])
    return found


def _gate(draw: st.DrawFn, qubits: int, terms: list[str]) -> str:
    if qubits == 1 or draw(st.booleans()):
        angles = draw(st.sampled_from((0, 1, 1, 1, 3)))
        gate = draw(st.sampled_from(_ONE[angles]))
        last = qubits - 1
        places = ["", " on even", f" on {last}", f" on 0..{qubits}", f" on [{last}]"]
        places += [" on odd", " brickwork even"] * (qubits > 1)
        places += [" brickwork odd"] * (qubits > 2)
    else:
        angles = draw(st.sampled_from((0, 1)))
        gate = draw(st.sampled_from(_TWO[angles]))
        places = [*_patterns(qubits), " on (0, 1)", " on (1, 0)", " pairs [(1, 0)]"]
        places += [" pairs [(0, 2), (1, 0)]"] * (qubits > 2)
    written = [_angle(draw, terms) for _ in range(angles)]
    how = draw(st.sampled_from(("fresh", "shared", "written"))) if angles else "fresh"
    place = draw(st.sampled_from(places))
    if how == "shared":
        return f"{gate} shared{place}"
    return f"{gate}({', '.join(written)}){place}" if how == "written" else f"{gate}{place}"


def _patterns(qubits: int) -> list[str]:
    """Every pattern with every option that gives pairs, none of them twice."""
    found = []
    for name, row in PATTERNS.built_in.items():
        for half in (None, "even", "odd") if row.halves else (None,):
            for step in (1, 2, 3) if row.step else (1,):
                pairs = row.on(qubits, step=step, half=half) if row.pairs is not None else ()
                distinct = {frozenset(pair) for pair in pairs if pair[0] != pair[1]}
                if pairs and len(distinct) == len(pairs):
                    shown = f" {name}" + (f" {half}" if half else "")
                    after = f" step {step}" if step > 1 else ""
                    found += [f"{shown}{after}", f"{shown} reversed{after}"]
    return found


def _angle(draw: st.DrawFn, terms: list[str]) -> str:
    """A sum of numbers, elements of values and elements of banks, times numbers."""
    parts = [draw(FACTORS)]
    for term in draw(st.lists(st.sampled_from(terms), max_size=2, unique=True)):
        parts.append(draw(st.sampled_from((term, f"0.5 * {term}", f"-{term} * 2", f"{term} / 3"))))
    return " + ".join(parts)


def _measurements(draw: st.DrawFn, qubits: int) -> tuple[list[str], int]:
    last = qubits - 1
    letters = st.text(st.sampled_from("IXYZ"), min_size=qubits, max_size=qubits)
    strings = letters.filter(lambda text: set(text) != {"I"})
    several = draw(st.lists(strings, min_size=1, max_size=3, unique=True))
    quoted = ", ".join(f'"{it}"' for it in several)
    expectations: list[tuple[str, int]] = [
        *((f"measure {axis}", qubits) for axis in "xyz"),
        (f"measure z on {last}", 1),
        (f"measure x on 0..{qubits}", qubits),
        (f"measure {quoted}", len(several)),
        (f'measure "Z{last}"', 1),
    ]
    if qubits > 1:
        expectations += [('measure "Z0 Z1", "X1 Y0"', 2), ("measure y on [1, 0]", 2)]
    if draw(st.integers(0, 3)) == 0:
        probabilities = [("measure probs", 2**qubits), (f"measure probs on {last}", 2)]
        if qubits > 1:
            probabilities.append(("measure probs on [1, 0]", 4))
        text, width = draw(st.sampled_from(probabilities))
        return [text], width
    found = draw(st.lists(st.sampled_from(expectations), min_size=1, max_size=2, unique=True))
    return [text for text, _ in found], sum(width for _, width in found)
