"""torch.export: parts, whole models, and .pt2 files, which run where qcompile is not."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.export import Dim

import qcompile
from qcompile.adapter.exported import program_bytes
from qcompile.cli import main
from tests.adapter.models import TOKENS, llama

ROOT = Path(__file__).resolve().parents[2]

KINDS = {
    "lora": "update linear(linear(x, to: 2), to: out_features)",
    "tensor network": "update mpo(dropout(x, 0.5), to: out_features, sites: 2, bond: 2)",
    "circuit": """
        h = linear(x, to: 3)
        q = circuit(3 qubits) {
            encode angle(h, gate: ry)
            crz ring
            ry
            measure z
        }
        update linear(q * tanh(h), to: out_features)""",
    "amplitudes": """
        q = circuit(3 qubits) {
            encode amplitude(x)
            ry
            cx ring
            measure z
        }
        update linear(q, to: out_features)""",
}
NOISY = "target noisy { noise: { one_qubit: 1pct, two_qubit: 2pct } }\n"
AWKWARD = """qa 1

adapter eval(rank: int = 2) {
    attach "*.self_attn.{q,v}_proj"
    class = vector(rank, init: normal)
    lambda = vector(rank, init: normal)
    forward = linear(x, to: rank)
    graph = class * lambda * forward
    update linear(graph, to: out_features)
}
"""


def shaped(body: str, target: str = "") -> str:
    on = " on noisy" if target else ""
    return f"qa 1\n\nadapter part(){on} {{\n    shape 6 -> 4\n    {body}\n}}\n{target}"


def randomised(adapter: qcompile.CompiledAdapter) -> qcompile.CompiledAdapter:
    generator = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for parameter in adapter.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator))
    return adapter


def inputs(batch: int, sequence: int, width: int = 6) -> Tensor:
    generator = torch.Generator().manual_seed(batch + sequence)
    return torch.randn(batch, sequence, width, generator=generator)


def reloaded(program: torch.export.ExportedProgram) -> torch.export.ExportedProgram:
    return torch.export.load(io.BytesIO(program_bytes(program)))


@pytest.mark.parametrize("double", [False, True])
@pytest.mark.parametrize("kind", [*KINDS, "noisy circuit"])
def test_a_part_is_a_program_for_any_batch_and_sequence(kind: str, double: bool) -> None:
    noisy = kind.startswith("noisy ")
    text = shaped(KINDS[kind.removeprefix("noisy ")], NOISY if noisy else "")
    adapter = randomised(qcompile.compile(text)).train()
    if double:
        adapter.double()
    module = reloaded(adapter.export()).module()
    # The adapter itself goes on in training mode.
    assert adapter.training and all(part.training for _, part in adapter.parts())
    adapter.eval()
    tolerance = 1e-13 if double else 1e-5
    for sizes in ((1, 1), (1, 5), (4, 1), (3, 7)):
        x = inputs(*sizes).to(torch.float64 if double else torch.float32)
        with torch.no_grad():
            torch.testing.assert_close(module(x), adapter(x), rtol=tolerance, atol=tolerance)


# torch's own remarks on its own work.
@pytest.mark.filterwarnings("ignore:`isinstance.treespec:FutureWarning")
@pytest.mark.filterwarnings("ignore:Attempted to insert a get_attr:UserWarning")
def test_several_parts_are_one_program_and_can_be_called_one_by_one() -> None:
    model = llama()
    adapter = randomised(qcompile.compile(AWKWARD, model=model)).eval()
    program = reloaded(adapter.export())
    names = {f"{site.module}.eval": part for site, part in adapter.parts()}
    given = {name: inputs(2 + k, 5 - k, 32) for k, name in enumerate(names)}
    with torch.no_grad():
        results = program.module()({name: (x,) for name, x in given.items()})
        assert results.keys() == names.keys() and len(names) == 4
        for name, part in names.items():
            torch.testing.assert_close(results[name], part(given[name]), rtol=1e-5, atol=1e-6)
    # Names that Python code cannot say have a `_` at their end.
    site = "model.layers.1.self_attn.v_proj"
    assert f"{site}.eval_.class_" in program.state_dict
    parts = torch.export.unflatten(program)
    x = inputs(1, 9, 32)
    with torch.no_grad():
        found = parts.get_submodule(f"{site}.eval_")(x)
        torch.testing.assert_close(found, adapter[site](x), rtol=1e-5, atol=1e-6)


OUTPUT = """qa 1

adapter turn() {
    attach "*.self_attn.{q,v}_proj"
    update linear(y, to: out_features) * linear(x, to: out_features)
}
"""


def test_the_modules_own_output_is_a_second_argument() -> None:
    adapter = randomised(qcompile.compile(OUTPUT, model=llama())).eval()
    site = adapter.sites[1]
    part = adapter.part(site)
    one = reloaded(adapter.export(site.module)).module()
    several = reloaded(adapter.export()).module()
    x, y = inputs(1, 5, 32), inputs(1, 5, part.plan.out_features)
    given = {
        f"{other.module}.turn": (inputs(2, 3, 32), inputs(2, 3, found.plan.out_features))
        for other, found in adapter.parts()
    }
    with torch.no_grad():
        wanted = part(x, y)
        torch.testing.assert_close(one(x, y), wanted, rtol=1e-5, atol=1e-5)
        results = several(given | {f"{site.module}.turn": (x, y)})
        torch.testing.assert_close(results[f"{site.module}.turn"], wanted, rtol=1e-5, atol=1e-5)
    assert len(results) == 4


def test_a_model_with_adapters_is_a_program_for_any_batch_and_sequence(tmp_path: Path) -> None:
    model = llama()
    text = AWKWARD.replace("eval", "gated").replace("class", "a").replace("lambda", "b")
    text = text.replace("forward", "h").replace("graph", "g")
    qcompile.attach(model, randomised(qcompile.compile(text, model=model)))

    class Logits(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, ids: Tensor) -> Tensor:
            found: Tensor = self.model(input_ids=ids, use_cache=False).logits
            return found

    shapes = {0: Dim("batch", min=1), 1: Dim("sequence", min=2, max=64)}
    program = torch.export.export(Logits().eval(), (TOKENS,), dynamic_shapes=(shapes,))
    torch.export.save(program, tmp_path / "model.pt2")
    module = torch.export.load(tmp_path / "model.pt2").module()
    for sizes in ((1, 2), (2, 6), (5, 9)):
        ids = torch.randint(3, 64, sizes, generator=torch.Generator().manual_seed(sum(sizes)))
        with torch.no_grad():
            wanted = Logits()(ids)
            torch.testing.assert_close(module(ids), wanted, rtol=1e-5, atol=1e-5)


SAVE = """
import sys, torch, qcompile
qcompile.load(sys.argv[1]).save(sys.argv[2])
"""
RUN = """
import sys
sys.modules["qcompile"] = None  # an import of it fails
import torch
x = torch.load(sys.argv[2], weights_only=True)
with torch.no_grad():
    torch.save(torch.export.load(sys.argv[1]).module()(x), sys.argv[3])
"""


def python(code: str, *arguments: str, seed: int = 0, where: Path | None = None) -> None:
    environment = os.environ | {"PYTHONHASHSEED": str(seed), "PYTHONPATH": str(ROOT)}
    subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, *arguments],
        check=True,
        env=environment,
        cwd=where or ROOT,
    )


def test_a_file_runs_where_qcompile_is_not_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("part.qa").write_text(shaped(KINDS["circuit"]), "utf-8")
    assert main(["part.qa", "-o", "untrained.pt2", "-q"]) == 0
    adapter = randomised(qcompile.compile("part.qa")).eval()
    adapter.save("adapter.pt")
    assert main(["convert", "adapter.pt", "adapter.pt2", "-q"]) == 0
    first = Path("adapter.pt2").read_bytes()
    assert first != Path("untrained.pt2").read_bytes()
    # The same bytes from Python, in other processes, under another name.
    for seed in (1, 2):
        python(SAVE, "adapter.pt", f"again{seed}.pt2", seed=seed, where=tmp_path)
        assert Path(f"again{seed}.pt2").read_bytes() == first
    assert str(ROOT).encode() not in first
    x = inputs(3, 4)
    torch.save(x, "x.pt")
    python(RUN, "adapter.pt2", "x.pt", "y.pt", where=tmp_path)
    found = torch.load("y.pt", weights_only=True)
    with torch.no_grad():
        torch.testing.assert_close(found, adapter(x), rtol=1e-5, atol=1e-6)


def test_one_part_of_several_is_chosen_by_its_module(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    adapter = randomised(qcompile.compile(AWKWARD, model=llama())).eval()
    adapter.save("adapter.safetensors")
    module = "model.layers.1.self_attn.v_proj"
    convert = ["convert", "adapter.safetensors", "part.pt2", "-q", "--module"]
    assert main([*convert, module]) == 0
    x = inputs(2, 3, 32)
    with torch.no_grad():
        found = torch.export.load("part.pt2").module()(x)
        torch.testing.assert_close(found, adapter[module](x), rtol=1e-5, atol=1e-6)
    kept = Path("part.pt2").read_bytes()
    assert main([*convert, "model.layers.1.v_proj"]) == 1
    assert "QA6007" in capsys.readouterr().err
    assert Path("part.pt2").read_bytes() == kept


def test_what_cannot_be_exported_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    adapter = qcompile.compile(shaped(KINDS["lora"]))
    path = tmp_path / "adapter.pt2"
    adapter.save(path)
    kept = path.read_bytes()

    def look(module: nn.Module, arguments: Any, output: Tensor) -> None:
        if output.sum() > 0:
            raise RuntimeError

    adapter.part(adapter.sites[0]).register_forward_hook(look)
    with pytest.raises(qcompile.QCompileError, match="QA6123"):
        adapter.save(path)
    sampled = shaped(KINDS["circuit"], NOISY.replace("{ noise", "{ shots: 100, noise"))
    with pytest.raises(qcompile.QCompileError, match="QA6123"):
        qcompile.compile(sampled.replace("100,", "100\n")).save(path)
    assert path.read_bytes() == kept and len(list(tmp_path.iterdir())) == 1
