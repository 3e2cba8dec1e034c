"""Small adapters with a `shape` that compile: every name is defined, all widths agree."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import strategies as st

from qcompile.ir.ops.elementwise import ELEMENTWISE
from qcompile.ir.ops.tensor_gates import GATE_PATTERNS
from qcompile.testing.circuit_texts import (
    FACTORS,
    LAYERS,
    Surroundings,
    circuit_sources,
    unitary_sources,
)

_OF_POSITIVE = ("exp", "sqrt", "log")
_ACTIVATIONS = tuple(
    name for name, row in ELEMENTWISE.items() if row.called and name not in _OF_POSITIVE
)
_LINEAR_INITS = (
    "zero", "constant(0.1)", "normal(0.5)", "uniform(-1, 1)", "kaiming_uniform", "kaiming_normal",
    "xavier_uniform", "orthogonal", "identity(0.5)", "xavier_uniform(gain: 0.5)",
)  # fmt: skip
_MPO_INITS = (
    "zero", "constant(0.1)", "normal(0.5)", "uniform(-1, 1)", "kaiming_normal", "kaiming_uniform",
    "xavier_uniform",
)  # fmt: skip
_MODES = ("in_modes: [3, 4], out_modes: [2, 6], bond: 2",
          "in_modes: [2, 3, 2], out_modes: [4, 1, 3], bonds: [2, 3]",
          "sites: 3, bonds: [1, 2]", "sites: 2, out_modes: [6, 2], bond: 2")  # fmt: skip


@dataclass(slots=True)
class _Values:
    """The values bound so far, with their widths."""

    widths: dict[str, int]
    lines: list[str] = field(default_factory=list)

    def bind(self, expression: str, width: int) -> str:
        name = f"v{len(self.widths)}"
        self.widths[name] = width
        self.lines.append(f"{name} = {expression}")
        return name

    def of_width(self, width: int) -> list[str]:
        return [name for name, other in self.widths.items() if other == width]


@st.composite
def valid_adapters(draw: st.DrawFn, *, circuits: bool = True) -> str:
    """Texts of one adapter for a linear module of at most 12 features, at most 4 qubits wide.

    Without `circuits` the adapters are tensor networks and elementwise functions only.
    """
    inputs, outputs = draw(st.integers(2, 12)), draw(st.integers(2, 12))
    rank = draw(st.integers(1, 4))
    head = f"adapter generated(rank: int = {rank}, scale: real = {draw(FACTORS)})"
    values = _Values({"x": inputs} | ({"y": outputs} if draw(st.booleans()) else {}))
    layer = circuits and draw(st.booleans())
    block = draw(st.booleans())
    for _ in range(draw(st.integers(1, 5))):
        kinds = ["linear", "mpo", "activation", "sum", "slice", "concat", "scale", "vector", "norm"]
        kinds += ["modes", "shared", "dropout", "exp", "element", "concat3"]
        kinds += ["reduce", "normalise", "quotient", "power", "broadcast", "positive"]
        kinds += ["gates", "gate_modes", "cayley", "resize"]
        kinds += ["unitary"] * 2 + ["circuit"] * 6 * circuits + ["block"] * block
        _grow(draw, values, draw(st.sampled_from(kinds)), rank, layer=layer)
    last = list(values.widths)[-1]
    init = draw(st.sampled_from(("", ", init: zero")))
    result = f"linear({last}, to: out_features{init})"
    if draw(st.booleans()):
        result = f"scale / rank * {result}"
    body = [f"shape {inputs} -> {outputs}", 'require rank >= 1, "rank must be positive"']
    body += [*values.lines, f"{draw(st.sampled_from(('update', 'replace')))} {result}"]
    parts = ["qa 1", ""]
    if layer:
        parts += [LAYERS]
    if block:
        parts += [
            "block tower(v, hidden: int = 3) {",
            "    inner = tanh(linear(v, to: hidden, bias: true))",
            "    return linear(inner, to: hidden)",
            "}",
            "",
        ]
    parts += [f"{head} {{", *(f"    {line}" for line in body), "}"]
    return "\n".join(parts) + "\n"


def _grow(draw: st.DrawFn, values: _Values, kind: str, rank: int, *, layer: bool) -> None:
    """Bind one more value."""
    latest = list(values.widths)[-1]
    name = draw(st.one_of(st.just(latest), st.sampled_from(sorted(values.widths))))
    width = values.widths[name]
    match kind:
        case "linear":
            to = draw(st.one_of(st.just("rank"), st.integers(1, 8).map(str)))
            bias = draw(st.sampled_from(("", ", bias: true")))
            init = draw(st.sampled_from(("", *(f", init: {it}" for it in _LINEAR_INITS))))
            new = rank if to == "rank" else int(to)
            values.bind(f"linear({name}, to: {to}{bias}{init})", new)
        case "mpo":
            to_width = draw(st.integers(2, 12))
            shape = f"sites: {draw(st.integers(2, 3))}, bond: {draw(st.integers(1, 3))}"
            init = draw(st.sampled_from(("", *(f", init: {it}" for it in _MPO_INITS))))
            values.bind(f"mpo({name}, to: {to_width}, {shape}{init})", to_width)
        case "activation":
            values.bind(f"{draw(st.sampled_from(_ACTIVATIONS))}({name})", width)
        case "sum":
            other = draw(st.sampled_from(values.of_width(width)))
            sign = draw(st.sampled_from(("+", "-", "*")))
            values.bind(f"{name} {sign} {other}", width)
        case "slice":
            start = draw(st.integers(0, width - 1))
            stop = draw(st.integers(start + 1, width))
            low, high = str(start) if start else "", str(stop) if stop < width else ""
            values.bind(f"{name}[{low}:{high}]" if low or high else name, stop - start)
        case "element":
            values.bind(f"{name}[{draw(st.integers(0, width - 1))}]", 1)
        case "modes":
            wide = values.bind(f"linear({name}, to: 12)", 12)
            values.bind(f"mpo({wide}, to: 12, {draw(st.sampled_from(_MODES))})", 12)
        case "gates":
            to_width = draw(st.integers(2, 12))
            pattern = draw(st.sampled_from(("", *(f", pattern: {it}" for it in GATE_PATTERNS))))
            init = draw(st.sampled_from(("", *(f", init: {it}" for it in _LINEAR_INITS))))
            sites = draw(st.integers(2, 3))
            values.bind(
                f"tensor_gates({name}, to: {to_width}, sites: {sites}{pattern}{init})", to_width
            )
        case "gate_modes":
            to_width = draw(st.integers(2, 12))
            modes = draw(st.sampled_from(("[4, 4]", "[2, 3, 3]", "[2, 2, 2, 2]", "[16, 1]")))
            values.bind(f"tensor_gates({name}, to: {to_width}, modes: {modes})", to_width)
        case "cayley":
            sizes = [size for size in range(2, width + 1) if width % size == 0]
            if sizes:
                block = draw(st.sampled_from(sizes))
                init = draw(st.sampled_from(("", ", init: normal(0.5)", ", init: uniform(-1, 1)")))
                values.bind(f"cayley({name}, block: {block}{init})", width)
        case "resize":
            size = draw(st.integers(1, 12))
            values.bind(f"resize({name}, {size})", size)
        case "shared":
            if draw(st.booleans()):
                size = draw(st.sampled_from((width, rank)))
                values.bind(f'linear({name}, to: {size}, share: "l{size}x{width}")', size)
            else:
                values.bind(f'vector({width}, share: "v{width}") + {name}', width)
        case "dropout":
            values.bind(f"dropout({name}, {draw(st.sampled_from(('0', '10pct', '0.5')))})", width)
        case "exp":
            values.bind(f"exp(-abs({name}))", width)
        case "positive":
            values.bind(f"{draw(st.sampled_from(('sqrt', 'log')))}(1 + square({name}))", width)
        case "reduce":
            values.bind(f"{draw(st.sampled_from(('sum', 'mean', 'norm')))}({name})", 1)
        case "normalise":
            forms = ("softmax({})", "layer_norm({}, eps: 0.1)", "rms_norm({}, eps: 1)")
            values.bind(draw(st.sampled_from(forms)).format(name), width)
        case "quotient":
            other = draw(
                st.sampled_from(["1", "2.5", *values.of_width(1), *values.of_width(width)])
            )
            values.bind(f"{other} / (1 + square({name}))", width)
        case "power":
            exponent = draw(st.sampled_from(("2", "0.5", "-1", "rank", "-0.3")))
            values.bind(f"(1 + square({name})) ** {exponent}", width)
        case "broadcast":
            others = values.of_width(1)
            if others:
                values.bind(f"{name} {draw(st.sampled_from('+-*'))} {others[-1]}", width)
        case "concat3":
            if width <= 5:
                values.bind(f"concat({name}, 2 * {name}, {name}[0])", 2 * width + 1)
        case "concat":
            other = draw(st.sampled_from(sorted(values.widths)))
            if width + values.widths[other] <= 16:
                values.bind(f"concat({name}, {other})", width + values.widths[other])
        case "scale":
            factor = draw(FACTORS)
            form = draw(st.sampled_from(("({0}) * {1}", "{1} / ({0})", "{1} + ({0})", "-{1}")))
            values.bind(form.format(factor, name), width)
        case "vector":
            values.bind(f"vector({width}) * {name}", width)
        case "norm":
            values.bind(f"tanh({name}) * sigmoid({name})", width)
        case "unitary":
            values.bind(*unitary_sources(draw, name, width))
        case "block":
            values.bind(f"tower({name}, hidden: rank)", rank)
        case _:
            around = Surroundings(
                widths=values.widths,
                layers=layer,
                narrow=lambda data, to: values.bind(f"linear({data}, to: {to})", to),
            )
            values.bind(*circuit_sources(draw, name, around))
