"""One mistake gives one message, and nothing makes the compiler slow or fall over."""

from __future__ import annotations

import pytest

from tests.grammar.elaborated import adapter, circuit, codes_of, outcome

GOOD = "update linear(x, to: out_features, init: zero)"


@pytest.mark.parametrize(
    ("statements", "code"),
    [
        ("h = linear(x, to: nope)\ng = tanh(h) + h[0:3]\nupdate g * 2 / rank", "QA2001"),
        ("h = lineer(x)\nq = circuit(4 qubits) { encode angle(h)\nmeasure z }\nupdate q", "QA2006"),
        ("n = 1 // 0\nh = linear(x, to: n + rank)\nupdate h", "QA2104"),
        ("q = circuit(400 qubits) { ry on 500\nmeasure z }\nupdate q + rank", "QA2105"),
        ("q = circuit(4 qubits) { angles t[0]\nry(t[3])\nmeasure z }\nupdate q * rank", "QA2105"),
    ],
)
def test_no_cascades(statements: str, code: str) -> None:
    assert codes_of(adapter(statements)) == [code]


def test_a_parameter_with_a_predefined_name_is_reported_once() -> None:
    text = adapter("h = f(x)\nupdate h").replace(
        "qa 1\n", "qa 1\nblock f(in_features) { return tanh(in_features) }\n"
    )
    assert codes_of(text) == ["QA2004"]


def test_a_broken_block_is_reported_once() -> None:
    text = adapter("h = f(x)\ng = f(h)\nupdate f(g) * rank").replace(
        "qa 1\n", "qa 1\nblock f(v) { return linear(v, to: nope) }\n"
    )
    assert codes_of(text) == ["QA2001"]


def test_a_failed_import_hides_unknown_names() -> None:
    text = adapter("h = tower(x, n: bus)\nupdate h * rank").replace("qa 1\n", 'qa 1\nimport "no"\n')
    assert codes_of(text) == ["QA2031"]


def test_blocks_are_checked_without_being_used() -> None:
    text = (
        "qa 1\nblock f(v, n: int, std: real, start: text, b: bool) {\n"
        "h = linear(v, to: n, init: normal(std), bias: b)\n"
        "g = linear(v, to: n, init: start)\n"
        "return h + g if n > 4 else concat(h, g)[0:n]\n}\n"
        "layer l(v, n: int, u: text) { encode angle(v, squash: u)\nrepeat n { ry on n - 1 } }\n"
    )
    assert codes_of(text) == []
    assert codes_of(text.replace("bias: b", "bias: n")) == ["QA2101"]


def test_loop_variables_cannot_make_values_through_layers() -> None:
    layer = "layer l(d, n: int) { encode angle(d[0:n]) }\n"
    text = circuit("ry\nfor i in 1..3 { l(v, n: i) }").replace("qa 1\n", "qa 1\n" + layer)
    assert codes_of(text) == ["QA2217"]


@pytest.mark.parametrize(
    "text",
    [
        adapter("h = linear(x, to: " + "+".join(["1"] * 3000) + ")\n" + GOOD),
        adapter("h = " + "+".join(["x"] * 3000) + "\nupdate h"),
        adapter("h = linear(x, to: " + "-" * 3000 + "1)\n" + GOOD),
        adapter("update " + "x" + "[0:8]" * 3000),
        adapter("h = linear(x, to: " + " ** ".join(["1"] * 2000) + ")\nupdate h"),
        adapter("require " + "not " * 3001 + "true\n" + GOOD),
        adapter("h = linear(x, to: " + "1 if true else " * 1000 + "2)\nupdate h"),
        circuit("ry(" + " + ".join(["v[0]"] * 2000) + ") on 0"),
        circuit("ry(" + " ** ".join(["2"] * 500) + ") on 0"),
        circuit("repeat 10000 { " * 90 + "ry" + " }" * 90),
        adapter("update " + "(" * 95 + "x" + ")" * 95),
        "qa 1\n" + "\n".join(f"let a{i} = nope{i}" for i in range(5000)),
        "qa 1\n" + "\n".join(f"block b{i}(v) {{ return b{i + 1}(v) }}" for i in range(2000)),
        "qa 1\n" + "\n".join(f"layer b{i}() {{ b{i - 1}(); b{i - 1}() }}" for i in range(1, 60))
        + "\nlayer b0() { ry }\n" + circuit("b59()")[5:],
        "qa 1\nlet a = 9 ** 9 ** 9 ** 9\nlet b = 2.5 ** 64 ** 64\nlet c = 10 ** 15 * 10",
        adapter(f"h = linear(x, to: {'9' * 39})\nupdate h"),
        "qa 1\n" + "".join(adapter(GOOD, f"adapter a{i}()")[5:] for i in range(300)),
    ],
)  # fmt: skip
def test_hostile_texts_are_answered(text: str) -> None:
    _, codes, shown = outcome(text)
    assert "QA9001" not in codes, shown


UPDATE = "update linear(q, to: out_features, init: zero)"


@pytest.mark.parametrize(
    "statements",
    [
        # Banks are declarations: the qubits are still in |0…0⟩ behind them.
        "q = circuit(2 qubits) { angles t[1]\nencode amplitude(x[0:4])\nry(t[0]) on 0\nmeasure z }",
        # The elements of a vector are trainable angles.
        "w = vector(1)\nq = circuit(2 qubits) { encode angle(x[0:2])\nry(w[0])\nmeasure z }",
        "w = tanh(vector(2)) * 0.5\nq = circuit(2 qubits) { encode angle(w)\ncx all\nmeasure z }",
    ],
)
def test_what_is_right_is_not_remarked_upon(statements: str) -> None:
    assert codes_of(adapter(f"{statements}\n{UPDATE}", head="adapter a()")) == []


def test_a_circuit_of_data_alone_is_fixed() -> None:
    statements = "q = circuit(2 qubits) { encode angle(linear(x, to: 2))\ncx all\nmeasure z }"
    assert codes_of(adapter(f"{statements}\n{UPDATE}", head="adapter a()")) == ["QA2215"]
