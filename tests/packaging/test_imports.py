"""Which libraries a statement loads, asked of a fresh interpreter."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

MODEL_LIBRARIES = ("torch", "transformers", "pytket", "qiskit")
SEARCH_LIBRARIES = ("cotengra", "opt_einsum", "autoray", "scipy")
ALL_LIBRARIES = (
    *MODEL_LIBRARIES,
    *SEARCH_LIBRARIES,
    "hypothesis",
    "lark",
    "matplotlib",
    "networkx",
    "numpy",
    "rich",
)

EVERY_MODULE = (
    "import importlib, pkgutil, {package} as package\n"
    "for module in pkgutil.walk_packages(package.__path__, package.__name__ + '.'):\n"
    "    importlib.import_module(module.name)"
)

COMMAND = "from qcompile.cli import main; assert main({arguments!r}) == 0"

CASES = {
    "package": ("import qcompile; qcompile.__version__", ALL_LIBRARIES),
    "errors": ("from qcompile import CompileError, QCompileError", ALL_LIBRARIES),
    "diagnostics": (EVERY_MODULE.format(package="qcompile.diagnostics"), ALL_LIBRARIES),
    "catalog": (
        "from qcompile.diagnostics.catalog import all_messages; all_messages()",
        ALL_LIBRARIES,
    ),
    "grammar": (
        EVERY_MODULE.format(package="qcompile.grammar"),
        (*MODEL_LIBRARIES, *SEARCH_LIBRARIES),
    ),
    "ir": (
        EVERY_MODULE.format(package="qcompile.ir"),
        (*MODEL_LIBRARIES, *SEARCH_LIBRARIES, "lark"),
    ),
    "models": (
        EVERY_MODULE.format(package="qcompile.models"),
        (*MODEL_LIBRARIES, *SEARCH_LIBRARIES, "lark"),
    ),
    "tket": (
        EVERY_MODULE.format(package="qcompile.tket"),
        (*MODEL_LIBRARIES, *SEARCH_LIBRARIES, "lark"),
    ),
    "qiskit": (
        EVERY_MODULE.format(package="qcompile.qiskit"),
        (*MODEL_LIBRARIES, *SEARCH_LIBRARIES, "lark", "numpy"),
    ),
    "passes": (
        EVERY_MODULE.format(package="qcompile.passes"),
        (*MODEL_LIBRARIES, *SEARCH_LIBRARIES, "lark"),
    ),
}

USES = {
    "every module but testing": (
        "import importlib, pkgutil, qcompile\n"
        "for module in pkgutil.walk_packages(qcompile.__path__, 'qcompile.'):\n"
        # Plugins are imported by the programs that they are for.
        "    if module.name.split('.')[1] not in ('__main__', 'testing', 'plugins'):\n"
        "        importlib.import_module(module.name)"
    ),
    "compile, attach and save": (
        "import io, tempfile, torch, qcompile\n"
        "model = torch.nn.Sequential(torch.nn.Linear(8, 8))\n"
        "text = 'qa 1\\nadapter a() { attach \"*\"; update linear(x, to: 8, init: zero) }'\n"
        "adapter = qcompile.compile(text, model=model)\n"
        "qcompile.attach(model, adapter)\n"
        "model(torch.ones(1, 8)).sum().backward()\n"
        "with tempfile.TemporaryDirectory() as folder:\n"
        "    adapter.save(folder + '/a.pt')\n"
        "    qcompile.load(folder + '/a.pt')"
    ),
    "report": COMMAND.format(
        arguments=["report", "examples/lora.qa", "--model", "examples/models/tiny-llama"]
    ),
}
"""What users do; `qcompile.testing` is for the tests of those who extend qcompile."""

VERBS = {
    "--version": ["--version"],
    "--help": ["--help"],
    "explain": ["explain", "QA0001"],
    "check": ["check", "examples/lora.qa"],
    "fmt": ["fmt", "--check", "examples/lora.qa"],
}


def loaded(statement: str, warnings: str = "error") -> set[str]:
    """Return the top-level names of all modules that a statement has loaded."""
    script = (
        f"{statement}\n"
        "import json, sys\n"
        "print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
    )
    done = subprocess.run(
        [sys.executable, "-W", warnings, "-c", script],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize("case", CASES)
def test_statement_loads_no_library_it_does_not_need(case: str) -> None:
    statement, forbidden = CASES[case]
    assert not loaded(statement) & set(forbidden)


@pytest.mark.parametrize("verb", VERBS)
def test_quick_verb_loads_no_library(verb: str) -> None:
    libraries = loaded(COMMAND.format(arguments=VERBS[verb]))
    assert not libraries & {*ALL_LIBRARIES}


def test_check_loads_the_language_alone() -> None:
    """What it needs not would take most of its time."""
    arguments = VERBS["check"]
    script = f"{COMMAND.format(arguments=arguments)}\nimport sys; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    modules = {name for name in done.stdout.split() if name.startswith("qcompile.")}
    parts = {name.split(".")[1] for name in modules}
    assert parts == {"cli", "diagnostics", "driver", "grammar", "ir"}
    assert {name for name in modules if name.startswith("qcompile.driver.")} == {
        "qcompile.driver.options"
    }
    levels = {"program", "plan", "network", "codec", "text"}
    assert not modules & {f"qcompile.ir.{name}" for name in levels}


@pytest.mark.parametrize("use", USES)
def test_users_never_load_hypothesis(use: str) -> None:
    libraries = loaded(USES[use], warnings="ignore")
    assert "torch" in libraries or use == "report"
    assert "hypothesis" not in libraries


def test_a_loaded_library_is_seen() -> None:
    assert {"lark", "qcompile"} <= loaded("import qcompile, lark.lexer")


def test_unknown_names_are_attribute_errors() -> None:
    import qcompile

    with pytest.raises(AttributeError, match="no attribute 'complie'"):
        qcompile.complie  # noqa: B018
    assert set(qcompile.__all__) <= set(dir(qcompile))
