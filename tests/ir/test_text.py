"""The text forms: deterministic, one node per line, everything that matters in them."""

from __future__ import annotations

import re
from dataclasses import replace

from hypothesis import given, settings

from qcompile.diagnostics import Collector
from qcompile.ir.compilation import LoweredSet
from qcompile.ir.dot import dot
from qcompile.ir.program import Program
from qcompile.ir.scalar import Apply, Constant, Variable
from qcompile.ir.text import digest, text_of
from qcompile.ir.text_values import inline
from qcompile.passes.lowering import lower
from qcompile.testing.known_specs import qtha_spec
from qcompile.testing.program_strategies import programs


def lowered() -> LoweredSet:
    found = lower(qtha_spec(2, 1, shape=(64, 16)), model=None, devices={}, collector=Collector())
    assert found is not None
    return found


PROGRAM = """\
program qtha 64 -> 16, add
  parameters rank=2, layers=1
  @0 a.core0[1, 4, 4, 8] kaiming_normal(0.0) fan_in=4
"""


def test_program() -> None:
    text = text_of(lowered().programs[0])
    assert text.startswith(PROGRAM)
    assert "  %2 = linear %1 h.weight[2, 256] -> 2\n" in text
    assert "  %3 = circuit c0 %2 q.angles[8] -> 2\n" in text
    assert "  c0 = circuit 2 qubits, 2 data, 8 angles, 10 gates -> 2\n" in text
    assert "    crz(t[1]) 1 0\n" in text
    assert "    measure Z0, Z1\n" in text


def test_sets_name_their_modules() -> None:
    text = text_of(lowered())
    assert text.startswith("unit 0\nprogram qtha 64 -> 16, add\n")
    assert text.endswith("  at (no module)\n")


def test_spec() -> None:
    text = text_of(qtha_spec(2, 1, shape=(64, 16)))
    assert text.startswith("adapter qtha\n  shape 64 -> 16\n  body 0 rank=2, layers=1\n")
    assert "    %0 = input\n" in text
    assert "      repeat 1 {\n" in text
    assert text.endswith("    update %9\n")


def test_scalars_are_written_as_formulas() -> None:
    size = Apply(operator="+", arguments=(Variable(name="in_features"), Constant(value=1)))
    log = Apply(operator="log2", arguments=(size,))
    assert inline(Apply(operator="ceil", arguments=(log,))) == "ceil(log2((in_features + 1)))"


@settings(max_examples=60)
@given(programs())
def test_every_node_and_tensor_has_its_line(program: Program) -> None:
    text = text_of(program)
    nodes = re.findall(r"^  %(\d+) = .* -> (\d+)$", text, re.MULTILINE)
    expected = [(str(index), str(node.width)) for index, node in enumerate(program.nodes)]
    assert nodes == expected
    assert re.findall(r"^  @(\d+) ", text, re.MULTILINE) == [
        str(index) for index in range(len(program.tensors))
    ]
    assert text_of(program) == text


@settings(max_examples=60)
@given(programs(), programs())
def test_text_and_digest_tell_programs_apart(left: Program, right: Program) -> None:
    assert (digest(left) == digest(right)) == (left == right)
    assert (text_of(left) == text_of(right)) == (left == right)


def test_digest_sees_every_angle() -> None:
    (program,) = lowered().programs
    assert re.fullmatch("[0-9a-f]{64}", digest(program))
    changed = replace(program, parameters=(("rank", 3),))
    assert digest(changed) != digest(program)


@settings(max_examples=40)
@given(programs())
def test_dot_has_all_nodes_and_edges(program: Program) -> None:
    text = dot(program)
    assert text.startswith("digraph") and text.endswith("}\n")
    assert text.count("fillcolor") == len(program.nodes) + 1
    assert text.count("{") == text.count("}") == 1
