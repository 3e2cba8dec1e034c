"""Installs a wheel into an environment of its own and runs a circuit there: `try_wheel.py WHEEL`.

Nothing of the checkout and no compiler can be found there. The packages come from pip's index, in
the versions of constraints.txt.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

SCRIPT = """
import shutil
assert not any(map(shutil.which, ("cc", "gcc", "g++", "c++", "clang++"))), "there is a compiler"
import torch
import qcompile
from qcompile.executors.fused import library
from qcompile.ir.plan import EvaluationNode

assert library.library() is not None, "the library cannot be loaded"
source = '''qa 1
adapter a() {
    shape 4 -> 4
    q = circuit(4 qubits) { encode angle(x, gate: ry); rot; cx ring; rot; measure z }
    update q
}
'''
adapter = qcompile.compile(source)
((_, part),) = adapter.parts()
(node,) = (node for node in part.plan.nodes if isinstance(node, EvaluationNode))
assert node.evaluation.kind == "fused"
x = torch.randn(50, 4, requires_grad=True)
fused = adapter(x)
(slope,) = torch.autograd.grad(fused.sum(), x)
library.library = lambda: None
eager = qcompile.compile(source)(x)
torch.testing.assert_close(fused, eager, atol=1e-5, rtol=1e-5)
torch.testing.assert_close(slope, torch.autograd.grad(eager.sum(), x)[0], atol=1e-5, rtol=1e-5)
adapter.save("a.pt")
torch.testing.assert_close(qcompile.load("a.pt")(x), eager, atol=1e-5, rtol=1e-5)
print("qcompile", qcompile.__version__, "runs with its library and without")
"""


def main() -> int:
    (wheel,) = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        python = Path(folder) / "venv" / "bin" / "python"
        made = [sys.executable, "-m", "venv", str(python.parents[1])]
        subprocess.run(made, check=True)
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        constraints = ["--constraint", str(ROOT / "constraints.txt")]
        subprocess.run([*pip, *constraints, str(Path(wheel).resolve())], check=True)
        variables = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "CC", "CXX")}
        variables["PATH"] = str(python.parent)
        for asked in (["-m", "qcompile", "--version", "-v"], ["-W", "ignore", "-c", SCRIPT]):
            subprocess.run([str(python), *asked], check=True, cwd=folder, env=variables)
    return 0


if __name__ == "__main__":
    sys.exit(main())
