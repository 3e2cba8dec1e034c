"""Pipelines are read and printed, and what is wrong with them is said."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import subprocess
import sys
from contextlib import suppress
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

import qcompile.passes
from qcompile.diagnostics.errors import UsageError
from qcompile.passes.base import Pass
from qcompile.passes.evaluators import ChooseEvaluators
from qcompile.passes.pipeline import PRESETS, Pipeline, preset
from qcompile.passes.pipeline_text import rank_of
from qcompile.passes.registry import BUILT_IN, PASSES
from qcompile.passes.tensor.find_paths import FindPaths


def codes(text: str) -> list[str]:
    with pytest.raises(UsageError) as caught:
        Pipeline.parse(text)
    return [diagnostic.code for diagnostic in caught.value.diagnostics]


def test_the_table_of_passes_tells_the_truth() -> None:
    for name in PASSES:
        assert PASSES[name].name == name
        assert PASSES[name]() == PASSES[name]()


def test_every_pass_of_the_package_is_in_the_table() -> None:
    for module in pkgutil.walk_packages(qcompile.passes.__path__, "qcompile.passes."):
        importlib.import_module(module.name)
    found: set[str] = set()
    waiting: list[type] = list(get_args(Pass))
    while waiting:
        base = waiting.pop()
        waiting += base.__subclasses__()
        if base.__module__.startswith("qcompile.passes.") and not inspect.isabstract(base):
            found.add(f"{base.__module__}:{base.__name__}")
    assert found == set(BUILT_IN.values())


@pytest.mark.parametrize("level", range(4))
def test_presets_print_what_they_were_made_of(level: int) -> None:
    assert str(preset(level)) == PRESETS[level]


def test_options_are_printed_where_they_differ_from_their_defaults() -> None:
    pipeline = Pipeline((FindPaths(repeats=3), ChooseEvaluators()))
    assert str(pipeline) == "find-paths{repeats=3},choose-evaluators"
    assert Pipeline.parse(str(pipeline)) == pipeline


@given(
    names=st.lists(st.sampled_from(sorted(PASSES)), max_size=8), repeats=st.integers(0, 10**9 - 1)
)
def test_any_pipeline_survives_printing(names: list[str], repeats: int) -> None:
    passes: list[Pass] = [PASSES[name]() for name in names]
    passes.append(FindPaths(repeats=repeats))
    pipeline = Pipeline(tuple(sorted(passes, key=rank_of)))
    assert Pipeline.parse(str(pipeline)) == pipeline
    spaced = str(pipeline).replace(",", " ,\t").replace("{", " { ").replace("=", " = ")
    assert Pipeline.parse(spaced) == pipeline


@given(st.text(max_size=40) | st.text(alphabet="find-paths{}=,8 repeats", max_size=40))
def test_no_text_raises_anything_but_diagnostics(text: str) -> None:
    with suppress(UsageError):
        Pipeline.parse(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("light-cones", ["QA4001"]),
        ("find-paths{repeat=8}", ["QA4002"]),
        ("cancel{deep=true}", ["QA4002"]),
        ("find-paths{repeats=many}", ["QA4003"]),
        ("find-paths{repeats=-1}", ["QA4003"]),
        ("find-paths,light-cone,remove-dead", ["QA4004", "QA4004"]),
        ("find-paths{repeats=8", ["QA4005"]),
        ("find-paths{}", ["QA4005"]),
        ("find-paths{repeats=1,repeats=2}", ["QA4005"]),
        ("cancel,", ["QA4005"]),
        (",cancel", ["QA4005"]),
        ("cancel;light-cone", ["QA4005"]),
        ("cancel," * 5000, ["QA4005"]),
        ("nothing,find-paths{repeat=1,repeats=x},light-cone", ["QA4001", "QA4002", "QA4003"]),
    ],
)
def test_faults_are_named(text: str, expected: list[str]) -> None:
    assert codes(text) == expected


def test_the_nearest_name_is_suggested() -> None:
    with pytest.raises(UsageError, match="did you mean `light-cone`"):
        Pipeline.parse("lightcone")


def test_planning_imports_no_heavy_library_until_it_searches() -> None:
    script = (
        "import sys, qcompile.passes.pipeline as p; p.preset(3)\n"
        "assert not {'torch', 'cotengra', 'opt_einsum', 'pytket', 'numpy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
