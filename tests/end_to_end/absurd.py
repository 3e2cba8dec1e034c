"""Programs beyond all measure, each with the code of the message that refuses it."""

from __future__ import annotations


def adapter(body: str, shape: str = "64 -> 64") -> str:
    return f"qa 1\nadapter a() {{\n    shape {shape}\n    {body}\n}}\n"


def circuit(body: str, qubits: str = "4", target: str = "") -> str:
    return (
        adapter(
            f"h = linear(x, to: 4)\nq = circuit({qubits} qubits) {{\n{body}\n}}\n"
            "update linear(q, to: out_features, init: zero)"
        )
        + target
    )


def update(value: str, shape: str = "64 -> 64") -> str:
    return adapter(f"update {value}", shape)


def linear(to: str) -> str:
    return update(f"linear(linear(x, to: {to}), to: out_features)")


DOUBLED = "v0 = concat(x, x)\n" + "".join(
    f"v{k} = concat(v{k - 1}, v{k - 1})\n" for k in range(1, 40)
)
BLOCKS = "qa 1\nlayer l0() { ry }\n" + "".join(
    f"layer l{k}() {{ l{k - 1}(); l{k - 1}() }}\n" for k in range(1, 60)
)
SQUARES = "qa 1\nlet a0 = 2\n" + "".join(f"let a{k} = a{k - 1} * a{k - 1}\n" for k in range(1, 99))

REFUSED: dict[str, tuple[str, str]] = {
    "10^9 qubits": ("QA2105", circuit("measure z", "1000000000")),
    "2^40 qubits": ("QA2105", circuit("measure z", "2 ** 40")),
    "2^30 amplitudes": ("QA4008", circuit("encode amplitude(h)\nry\nmeasure z", "30")),
    "2^30 probabilities": ("QA3114", circuit("ry\nmeasure probs", "30")),
    "dense on 30 qubits": (
        "QA4007",
        circuit("ry\ncx ring\nmeasure z", "30", "target t { evaluator: dense }"),
    ),
    "density on 16 qubits": (
        "QA4008",
        circuit("ry\nmeasure z", "16", "target t { noise: { one_qubit: 1pct } }"),
    ),
    "10^6 sites": ("QA2105", update("mpo(x, to: out_features, sites: 1000000, bond: 2)")),
    "64 wide sites": ("QA3112", update("mpo(x, to: out_features, sites: 64, bond: 65536)")),
    "too many indices": ("QA4009", update("mpo(x, to: out_features, sites: 64, bond: 64)")),
    "width 10^9": ("QA2105", linear("1000000000")),
    "width 10^15": ("QA2105", linear("10 ** 15")),
    "5000 digits": ("QA1008", linear("9" * 5000)),
    "tower of powers": ("QA2104", linear("9 ** 9 ** 9 ** 9")),
    "10^400": ("QA1009", update("1e400 * x")),
    "10^14 weights": ("QA3112", update("linear(x, to: out_features)", "16777216 -> 16777216")),
    "module of width 10^12": ("QA2105", update("x", "1000000000000 -> 4")),
    "doubled forty times": ("QA3114", adapter(f"{DOUBLED}update v39[0:64]")),
    "10^9 rounds": ("QA2105", circuit("repeat 1000000000 { ry }\nmeasure z")),
    "10^8 gates": ("QA2210", circuit("repeat 10000 { repeat 10000 { ry } }\nmeasure z")),
    "10^9 turns": ("QA2210", circuit("for i in 0..1000000000 { rx(i) on 0 }\nmeasure z")),
    "10^9 angles": ("QA2105", circuit("angles t[1000000000]\nry(t[0]) on 0\nmeasure z")),
    "10^12 empty rounds and a fault": (
        "QA2210",
        circuit(f"{'repeat 10000 { ' * 3}{' }' * 3}\nrepeat 10000 {{ rzz all }}\nmeasure z", "30"),
    ),
    "10^6 device qubits": (
        "QA2105",
        circuit("ry\nmeasure z", "4", "target t { device: full(1000000) }"),
    ),
    "5000 parentheses": ("QA1033", update("(" * 5000 + "x" + ")" * 5000)),
    "2^60 layers": ("QA2158", BLOCKS + circuit("l59()\nmeasure z").removeprefix("qa 1\n")),
    "squared a hundred times": ("QA2104", SQUARES + update("a98 * x").removeprefix("qa 1\n")),
    "alternatives": (
        "QA2175",
        update("x").replace("shape 64 -> 64", f'attach "{"{a,b}" * 200}"'),
    ),
    "20,000 strings": ("QA2111", circuit("measure " + ", ".join(['"ZZZZ"'] * 20_000))),
    "imports itself": ("QA2032", 'qa 1\nimport "case.qa"\n' + update("x").removeprefix("qa 1\n")),
}

ACCEPTED: dict[str, str] = {
    "empty rounds": circuit("repeat 10000 { repeat 10000 { } }\nencode angle(h)\nmeasure z"),
    "empty turns": circuit(
        "for i in 0..10000 { for j in 0..10000 { } }\nencode angle(h)\nmeasure z"
    ),
    "30 qubits, shallow": circuit("encode angle(h)\nry\nmeasure z", "30"),
    "a prime width": update("mpo(x, to: out_features, sites: 2, bond: 1)", "16777213 -> 16777213"),
    "a long chain": adapter(
        "v0 = x\n"
        + "".join(f"v{k} = linear(v{k - 1}, to: 64)\n" for k in range(1, 600))
        + "update v599"
    ),
}
"""Large or odd, but with a plan that fits: these compile."""
