"""What a user sees for every code that no source alone brings about, as reviewed texts.

`pytest tests/messages --update-golden` writes the texts anew.
"""

from __future__ import annotations

import io
import json
import re
import sys
import warnings
from collections.abc import Callable
from contextlib import redirect_stderr
from copy import deepcopy
from dataclasses import replace
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from torch import nn

import qcompile
from qcompile.adapter import without_library
from qcompile.adapter.lora import lora_of
from qcompile.adapter.served import load_served, write_served
from qcompile.adapter.surrogates.surrogate import surrogate_of
from qcompile.adapter.training import regulariser
from qcompile.cli import main
from qcompile.diagnostics import Source
from qcompile.diagnostics.catalog import all_messages
from qcompile.diagnostics.errors import QCompileError
from qcompile.diagnostics.render_human import render_human
from qcompile.driver.options import Options
from qcompile.driver.phases import compile_source
from qcompile.ir.gates import GATES
from qcompile.models.skeleton import describe_model
from tests.adapter.models import llama
from tests.plugins.programs import Cfg, plugin
from tests.scaling.partitions import partition

GOLDEN = Path(__file__).with_name("golden")
PREFIXES = (
    "QA0",
    "QA4202",
    "QA4203",
    "QA4204",
    "QA4208",
    "QA4209",
    "QA422",
    "QA4241",
    "QA4242",
    "QA4243",
    "QA4244",
    "QA4245",
    "QA4260",
    "QA4270",
    "QA5",
    "QA6",
    "QA7",
    "QA8",
    "QA9",
)

LOW = """qa 1

adapter low(rank: int = 2) {
    shape 6 -> 4
    a = linear(x, to: rank)
    update linear(a, to: out_features, init: zero)
}
"""
ATTACHED = LOW.replace("shape 6 -> 4", 'attach "*.up"')
PENALISED = LOW.replace("shape 6 -> 4", 'attach "*.up_proj"').replace(
    "update linear(a",
    "g = vector(rank, init: normal)\n"
    "    train { regularise 0.1 * mean_abs(g) }\n"
    "    update linear(g * a",
)
NONLINEAR = ATTACHED.replace("linear(a, to", "linear(tanh(a), to")
PREFIX = """qa 1

adapter low() {
    shape 6 -> 4
    prefix table(2, 4), table(2, 4)
}
"""
ON_UP = PREFIX.replace("shape 6 -> 4", 'attach "*.up"').replace("4)", "out_features)")
TURNS = """qa 1

adapter turns() {
    shape 6 -> 4
    turned = circuit(4 qubits) { encode angle(linear(x, to: 4)); ry; cx ring; measure z }
    update linear(turned, to: out_features)
}
"""
ROTATING = """qa 1

adapter turn() {
    shape 6 -> 4
    replace cayley(y)
}
"""
COMPUTING = ROTATING.replace("cayley(y)", "base(cayley(x, block: 2))")
WEIGHT = """qa 1

adapter low() {
    attach "*.up"
    update vector(out_features, init: zero) * linear(x, to: out_features, weight: W)
}
"""
ON_DEVICE = LOW + 'target lab { device: "lab5" }\n'
AMPLITUDES = """qa 1

adapter low() {
    shape 6 -> 4
    a = linear(x, to: 4)
    q = circuit(2 qubits) {
        encode amplitude(a)
        ry
        measure z
    }
    update linear(q, to: out_features, init: zero)
}
"""
CIRCUIT = AMPLITUDES.replace("encode amplitude", "encode angle").replace("2 qubits", "4 qubits")
UPLOADING = """qa 1

adapter deep() {
    shape 8 -> 8
    q = circuit(8 qubits) {
        repeat 4 {
            encode angle(x)
            crz ring
            ry
        }
        measure z
    }
    update q
}
"""
LLAMA = {"model_type": "llama", "hidden_size": 32, "num_attention_heads": 4}


class Block(nn.Module):
    """Two linear maps and a normalisation."""

    def __init__(self, width: int = 6) -> None:
        super().__init__()
        self.up = nn.Linear(width, 4)
        self.norm = nn.LayerNorm(4)


def model(width: int = 6) -> nn.Module:
    return nn.ModuleDict({"first": Block(width), "second": Block(width)})


def command(*argv: str) -> Callable[[], None]:
    """A run of the command line."""

    def run() -> None:
        assert main([*argv, "--color=never"]) != 0

    return run


def with_model(**changes: Any) -> Callable[[], None]:
    def run() -> None:
        Path("config.json").write_text(json.dumps({**LLAMA, **changes}))
        command("attached.qa", "--model", "config.json")()

    return run


def saved() -> Any:
    qcompile.compile(LOW).save("a.pt")
    return torch.load("a.pt", weights_only=True)


def load(change: Callable[[Any], Any]) -> Callable[[], None]:
    """Loading a file that was changed."""

    def run() -> None:
        contents = saved()
        change(contents)
        torch.save(contents, "a.pt")
        qcompile.load("a.pt")

    return run


def load_bytes(data: bytes) -> Callable[[], None]:
    def run() -> None:
        Path("a.pt").write_bytes(data)
        qcompile.load("a.pt")

    return run


def load_object(make: Callable[[], object]) -> Callable[[], None]:
    def run() -> None:
        torch.save(make(), "a.pt")
        qcompile.load("a.pt")

    return run


def near_name() -> None:
    saved()
    qcompile.load("b.pt")


def resign(contents: Any) -> None:
    """A plan that states a huge value, with the digest that belongs to it."""
    import hashlib

    manifest = json.loads(contents["manifest"])
    manifest["planned"]["plans"][0]["nodes"].append({"@type": "ZeroNode", "width": 10**13})
    contents["manifest"] = json.dumps(manifest)
    contents["manifest_sha256"] = hashlib.sha256(contents["manifest"].encode()).hexdigest()


def attach(source: str, to: nn.Module, times: int = 1) -> Callable[[], None]:
    def run() -> None:
        for _ in range(times):
            adapter = qcompile.compile(source, model=None if "shape" in source else model())
            qcompile.attach(to, adapter)

    return run


def under_names(*names: str, copied: bool = True) -> Callable[[], nn.Module]:
    def run() -> nn.Module:
        to = model()
        adapter = qcompile.compile(ATTACHED, model=to)
        for name in names:
            qcompile.attach(to, deepcopy(adapter) if copied else adapter, name=name)
        return to

    return run


def half_a_prefix() -> None:
    to = tiny_llama()
    adapter = qcompile.compile(ON_UP.replace("up", "self_attn"), model=to)
    qcompile.attach(to, adapter, name="first")
    qcompile.set_adapter(to, {"first": 0.5})


def from_peft(**entries: Any) -> Callable[[], None]:
    def run() -> None:
        from safetensors.torch import save_file

        Path("theirs").mkdir()
        config = {"peft_type": "LORA", "lora_alpha": 2, **entries}
        Path("theirs/adapter_config.json").write_text(json.dumps(config))
        tensors = {"base_model.model.up.ia3_l": torch.ones(4, 1)}
        save_file(tensors, "theirs/adapter_model.safetensors")
        command("convert", "theirs", "ours.pt")()

    return run


def to_peft() -> None:
    linear = ATTACHED.replace("update ", "update 2 * x[:4] + ")
    for text in (linear, NONLINEAR):
        qcompile.compile(text, model=model()).save("ours.pt")
        command("convert", "ours.pt", "theirs", "--to", "peft")()


DORA = """qa 1

adapter dora() {
    attach "*.up"
    a = table(2, in_features)
    b = table(out_features, 2, init: zero)
    m = vector(out_features, init: zero)
    delta = linear(b, to: in_features, weight: transpose(a))
    size = (flat(norm(W)) + m) / detach(flat(norm(W + delta)))
    low = linear(linear(x, to: 2, weight: a), to: out_features, weight: b)
    update (size - 1) * (y - base_bias) + size * low
}
"""


def dora_for(base: nn.Module | None) -> None:
    from qcompile.driver.to_peft import write_peft_method

    write_peft_method(qcompile.compile(DORA, model=model()), "theirs", model=base)


def saved_with_adapter() -> None:
    to = tiny_llama()
    qcompile.attach(to, qcompile.compile(ATTACHED.replace("*.up", "*.up_proj"), model=to))
    with warnings.catch_warnings(record=True) as caught, redirect_stderr(io.StringIO()):
        warnings.simplefilter("always")
        to.save_pretrained("out")
    (warning,) = caught
    sys.stderr.write(f"{warning.message}\n")


def changed_kind() -> nn.Module:
    other = model()
    other.get_submodule("second").up = nn.LayerNorm(4)
    return other


class Reader(nn.Module):
    """Calls none of its maps."""

    def __init__(self) -> None:
        super().__init__()
        self.up = nn.Linear(6, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return nn.functional.linear(x, self.up.weight)


def unfitting_call() -> None:
    class Doubled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Linear(4, 8), nn.Linear(8, 4)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            y: torch.Tensor = self.b(self.a(x))
            return torch.cat([y, y], -1)

    model = nn.ModuleDict({"block": Doubled()})
    text = 'qa 1\nadapter low() { attach "block"; update linear(x, to: out_features, init: zero) }'
    qcompile.attach(model, qcompile.compile(text, model=model))
    model["block"](torch.zeros(2, 4))


def not_called() -> None:
    read = nn.Sequential(Reader())
    qcompile.attach(read, qcompile.compile(ATTACHED, model=read))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        read(torch.zeros(2, 6))
    (warning,) = caught
    sys.stderr.write(f"{warning.message}\n")


def more_without_library() -> None:
    with pytest.MonkeyPatch.context() as patched, warnings.catch_warnings(record=True) as caught:
        patched.setattr(without_library, "library", lambda: None)
        warnings.simplefilter("always")
        qcompile.compile(TURNS, tokens=100_000_000)
    (warning,) = caught
    sys.stderr.write(f"{warning.message}\n")


def cut_state() -> None:
    turns = TURNS.replace("adapter", "target narrow { bond: 1; evaluator: mps }\n\nadapter", 1)
    deep = turns.replace("cx ring;", "cx ring; ry; cx ring; ry;")
    adapter = qcompile.compile(deep, target="narrow")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        adapter(torch.ones(1, 6))
    (warning,) = caught
    sys.stderr.write(f"{warning.message}\n")


class Narrow(nn.Linear):
    """A weight of another shape than its sizes say."""

    def __init__(self) -> None:
        super().__init__(6, 4)
        self.weight = nn.Parameter(torch.zeros(4, 3))


def no_token_ids() -> None:
    base = nn.Sequential(nn.Embedding(6, 4))
    text = LOW.replace("shape 6 -> 4", 'attach "0"')
    qcompile.compile(text, model=base)(torch.zeros(2, 6))


class Experts(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.down_proj = nn.Parameter(torch.zeros(2, 4, 6))


def bent_at_experts() -> None:
    update = "linear(tanh(x), to: out_features)"
    text = f"qa 1\n\nadapter a() {{\n    attach experts\n    update {update}\n}}\n"
    qcompile.compile(text, model=nn.ModuleDict({"experts": Experts()}))


def narrow() -> nn.Module:
    other = model()
    other.get_submodule("second").up = Narrow()
    return other


def quantised_weight() -> None:
    other = model()
    up = other.get_submodule("second.up")
    assert isinstance(up.weight, nn.Parameter)
    adapter = qcompile.compile(WEIGHT, model=other)
    up.weight = nn.Parameter(up.weight.to(torch.int8), requires_grad=False)
    qcompile.attach(other, adapter)


def from_data(init: str, **arguments: Any) -> Callable[[], object]:
    """Calibrate an adapter that starts from data."""

    def run() -> object:
        other = model()
        text = ATTACHED.replace("to: rank)", f"to: rank, init: {init})")
        return qcompile.calibrate(other, qcompile.compile(text, model=other), **arguments)

    return run


def start_not_read() -> None:
    from qcompile.peft import QCompileConfig

    np.save("start.npy", np.zeros((2, 6), dtype=np.float32))
    text = ATTACHED.replace("to: rank)", 'to: rank, init: file("start.npy"))')
    qcompile.compile(text, model=model()).save("folder/")
    config = QCompileConfig.from_pretrained("folder")
    # A configuration alone, without the tensors beside it.
    peft_model(spec=None, plan=config.plan)


def uncalibrated() -> None:
    other = model()
    text = ATTACHED.replace("to: rank)", "to: rank, init: activation_rows)")
    qcompile.attach(other, qcompile.compile(text, model=other))


def left_out() -> None:
    source = Source("attached.qa", ATTACHED)
    found = compile_source(source, Options(), model=describe_model(narrow()))
    sys.stderr.write(render_human(found.warnings))


def merge() -> None:
    base = model()
    qcompile.attach(base, qcompile.compile(NONLINEAR, model=base))
    qcompile.merge(base)


def tiny_llama() -> Any:
    config = transformers.LlamaConfig(**LLAMA, num_hidden_layers=1, vocab_size=8)
    return transformers.LlamaForCausalLM(config)


def weightless() -> str:
    tiny_llama().config.save_pretrained("llama")
    return "llama"


def flex_attention() -> None:
    base = tiny_llama()
    qcompile.attach(base, qcompile.compile(ON_UP.replace("up", "self_attn"), model=base))
    base.model.layers[0].self_attn(
        hidden_states=torch.zeros(1, 2, 32), position_embeddings=None, attention_mask=object()
    )


def prefix_for_another() -> None:
    base = tiny_llama()
    adapter = qcompile.compile(ON_UP.replace("up", "self_attn"), model=base)
    base.model.layers[0].self_attn = nn.LayerNorm(4)
    qcompile.attach(base, adapter)


def diverged() -> None:
    from qcompile.adapter.training import check_finite

    base = model()
    adapter = qcompile.compile(ATTACHED, model=base)
    qcompile.attach(base, adapter)
    with torch.no_grad():
        adapter["first.up"].get_parameter("a.weight")[0] = float("nan")
    check_finite(base)


def scaled_gradients() -> None:
    from qcompile.adapter.trainer_callback import trainer_callback

    arguments = SimpleNamespace(fp16=True, max_grad_norm=0.0)
    trainer_callback().on_train_begin(arguments, None, None)


def merged_at_every_step() -> None:
    from qcompile.adapter.trainer_callback import trainer_callback

    base = model()
    qcompile.attach(base, qcompile.compile(NONLINEAR, model=base))
    arguments = SimpleNamespace(use_vllm=True)
    trainer_callback().on_init_end(arguments, None, None, model=base)


def without_block() -> None:
    from qcompile.plugins.settings import configuration

    configuration(None, "the block `qcompile`", "qcompile: {spec: adapter.qa}")


def with_unknown_setting() -> None:
    from qcompile.plugins.settings import configuration

    configuration({"spec": LOW, "optimization": 2}, "`peft_config`", "")


def with_setting_of_lora(monkeypatch: pytest.MonkeyPatch) -> None:
    cfg = Cfg(adapter="qcompile", qcompile={"spec": LOW}, lora_r=8)
    plugin(monkeypatch, "axolotl").QCompilePlugin().pre_model_load(cfg)


def with_clauses_in_a_loop_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    add_adapter = plugin(monkeypatch, "llama_factory").add_adapter
    with warnings.catch_warnings():
        # peft asks transformers under names that transformers 6 will drop.
        warnings.simplefilter("ignore", FutureWarning)
        add_adapter(llama(), {"name": "qcompile", "spec": PENALISED}, True)


def fault(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("two nodes have one name")

    monkeypatch.setattr("qcompile.cli.options.compile_source", fail)
    command("low.qa")()


def without_calibrations(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qcompile.backends.devices.calibration._folder", lambda: None)
    Path("device.qa").write_text(ON_DEVICE.replace("lab5", "fake_torino"))
    command("device.qa")()


def no_temporary_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise FileNotFoundError(2, "No usable temporary directory found in ['/tmp']")

    monkeypatch.setattr("qcompile.cli.options.compile_source", refuse)
    command("low.qa")()


def damaged_calibration(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Path("backends")
    (folder / "broken").mkdir(parents=True)
    (folder / "broken" / "conf_broken.json").write_text('{"n_qubits": 5}')
    (folder / "broken" / "props_broken.json").write_text("{}")
    monkeypatch.setattr("qcompile.backends.devices.calibration._folder", lambda: folder)
    command("low.qa", "--target", "fake_broken")()


def device_without_gates() -> None:
    from qcompile.backends.devices.measured import MeasuredDevice, working_device
    from qcompile.ir.device import NativeGate

    gates = (NativeGate(name="ry", qubits=(0,)), NativeGate(name="ry", qubits=(1,)))
    swap = NativeGate(name="swap", qubits=(0, 1))
    working_device(MeasuredDevice(name="lab", qubits=2, gates=(*gates, swap)))


def executor_of_a_laboratory() -> None:
    import hashlib

    qcompile.compile(AMPLITUDES).save("a.pt")
    contents = torch.load("a.pt", weights_only=True)
    manifest = json.loads(contents["manifest"])
    for node in manifest["planned"]["plans"][0]["nodes"]:
        if node["@type"] == "EvaluationNode":
            circuit = node["evaluation"]["circuit"]
            foreign = {"kind": "lab", "circuit": circuit, "options": []}
            node["evaluation"] = {"@type": "ExternalEvaluation", **foreign}
    contents["manifest"] = json.dumps(manifest)
    contents["manifest_sha256"] = hashlib.sha256(contents["manifest"].encode()).hexdigest()
    torch.save(contents, "a.pt")
    qcompile.load("a.pt")


def offered_gate(value: str, name: str = "zzx") -> Callable[[pytest.MonkeyPatch], None]:
    def run(monkeypatch: pytest.MonkeyPatch) -> None:
        points = EntryPoints((EntryPoint(name=name, value=value, group="qcompile.gates"),))
        monkeypatch.setattr("importlib.metadata.entry_points", lambda **kw: points.select(**kw))
        monkeypatch.delitem(vars(GATES), "_offered", raising=False)
        Path("gate.qa").write_text(AMPLITUDES.replace("ry", "zzx on (0, 1)"))
        try:
            command("check", "gate.qa")()
        finally:
            vars(GATES).pop("_offered", None)

    return run


def no_adapter() -> None:
    Path("blocks.qa").write_text("qa 1\n\nlet rank = 2\n")
    command("blocks.qa", "-o", "a.pt")()


def amplitudes_as_qasm() -> None:
    Path("amplitudes.qa").write_text(AMPLITUDES)
    command("amplitudes.qa", "-o", "a.qasm")()


def circuits_of(*argv: str, angles: float = 0.0) -> Callable[[], None]:
    """A conversion of a trained adapter with a circuit, `turn.pt`."""

    def run() -> None:
        import numpy as np

        text = AMPLITUDES.replace("amplitude(a)", "angle(a)").replace("to: 4", "to: 2")
        adapter = qcompile.compile(text)
        with torch.no_grad():
            adapter.get_parameter("low.q.angles").fill_(angles)
        adapter.save("turn.pt")
        np.save("wide.npy", np.zeros((1, 3)))
        np.save("many.npy", np.zeros((10_001, 2)))
        np.save("row.npy", np.zeros((1, 2)))
        command("convert", "turn.pt", *argv)()

    return run


def not_simulated() -> None:
    text = AMPLITUDES.replace("amplitude(a)", "angle(a)").replace("to: 4", "to: 2")
    Path("ideal.qa").write_text(f"{text}target lab {{ device: line(2) }}\n")
    command("report", "ideal.qa", "--target=lab", "--validate=show", "-W", "error", "--quiet")()


def qir_without_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyqir", None)
    circuits_of("turn.qir", "--bind", "row.npy")()


def without_input() -> None:
    qcompile.compile(AMPLITUDES).circuits()[0].data()


def without_read_out() -> None:
    from qcompile.backends.export import read_tket_json

    read_tket_json('{"qubits": [], "commands": []}')


def program_as_adapter() -> None:
    qcompile.compile(LOW).save("a.pt2")
    qcompile.load("a.pt2")


def program_with_shots() -> None:
    target = "adapter low() on few {"
    text = AMPLITUDES.replace("adapter low() {", target) + "target few { shots: 100 }\n"
    qcompile.compile(text).save("a.pt2")


def penalise_partitioned() -> None:
    adapter = qcompile.compile(PENALISED.replace('attach "*.up_proj"', "shape 6 -> 4"))
    for parameter in adapter.parameters():
        partition(parameter)
    regulariser(adapter)


def save_sharded() -> None:
    import torch.distributed as dist
    from torch.distributed.fsdp import fully_shard

    store = torch._C._distributed_c10d.HashStore()
    dist.init_process_group("gloo", store=store, rank=0, world_size=1)
    try:
        base = model()
        qcompile.attach(base, qcompile.compile(ATTACHED, model=base))
        mesh = dist.device_mesh.init_device_mesh("cpu", (1,))
        fully_shard(base.get_submodule("first"), mesh=mesh)
        qcompile.attached(base)[0].save("a.pt")
    finally:
        dist.destroy_process_group()


def peft_model(name: str = "default", **options: Any) -> Any:
    from peft import get_peft_model

    from qcompile.peft import QCompileConfig

    config = QCompileConfig(**{"spec": ATTACHED, **options})
    return get_peft_model(model(), config, adapter_name=name)


def used_configuration() -> None:
    from peft import get_peft_model

    from qcompile.peft import QCompileConfig

    config = QCompileConfig(spec=ATTACHED)
    get_peft_model(model(), config)
    get_peft_model(nn.ModuleDict({"first": Block(), "second": Block(), "third": Block()}), config)


def foreign_folder() -> None:
    Path("adapter").mkdir()
    Path("adapter/adapter_config.json").write_text('{"peft_type": "LORA"}')
    qcompile.load("adapter/")


def mixed_batch() -> None:
    peft_model().eval()(torch.zeros(2, 6), adapter_names=["default", "defualt"])


def resized_head() -> None:
    base = tiny_llama()
    text = HEAD_ADAPTER
    qcompile.attach(base, qcompile.compile(text, model=base))
    base.resize_token_embeddings(9)


def huge_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    # The machine's own memory would be the limit, where it has less.
    monkeypatch.setattr("qcompile.artifact.check.MEMORY_LIMIT", 2**30)
    load(resign)()


def other_plan() -> None:
    peft_model(parameters={"rank": 1}).save_pretrained("low")
    peft_model().load_adapter("low", adapter_name="default")


def on_aer(**options: Any) -> qcompile.CompiledAdapter:
    return qcompile.compile(CIRCUIT).on("aer", **options)


def without_aer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qcompile.services.open.find_spec", lambda name: None)
    on_aer()


def without_account(monkeypatch: pytest.MonkeyPatch) -> None:
    import qiskit_ibm_runtime
    from qiskit_ibm_runtime.accounts.exceptions import AccountNotFoundError

    def refuse() -> None:
        raise AccountNotFoundError("Unable to find account.")

    monkeypatch.setattr(qiskit_ibm_runtime, "QiskitRuntimeService", refuse)
    qcompile.compile(CIRCUIT).on("ibm_torino", shots=100)


def no_device_to_run_on() -> None:
    Path("hw.qa").write_text(CIRCUIT + "\ntarget hw { device: line(4), run: device }\n")
    command("check", "hw.qa")()


def manila_file(path: str, **changes: Any) -> None:
    from qcompile.backends.devices import device_of, device_text

    device = device_of("fake_manila")
    assert device is not None
    Path(path).write_text(device_text(replace(device, **changes)))


def two_devices_of_one_name() -> None:
    manila_file("mine.json", dt=1e-9)
    first = CIRCUIT.replace("low()", "low() on hw")
    second = CIRCUIT.replace("qa 1\n", "").replace("low()", "high() on lab")
    target = 'target hw { device: "fake_manila" }\ntarget lab { device: "mine.json" }\n'
    Path("hw.qa").write_text(first + second + target)
    command("hw.qa")()


def other_calibration() -> None:
    manila_file("mine.json", calibrated="2020-01-01")
    Path("hw.qa").write_text(CIRCUIT)
    main(["report", "hw.qa", "--target", "mine.json", "--on", "fake_manila", "-q"])


def without_times() -> None:
    from dataclasses import replace

    from qcompile.backends.devices import device_of

    device = device_of("fake_manila")
    assert device is not None
    gates = (replace(g, duration=None) if g.name in ("cx", "sx") else g for g in device.gates)
    manila_file("mine.json", name="lab", gates=tuple(gates), calibrated=None)
    Path("hw.qa").write_text(CIRCUIT)
    main(["report", "hw.qa", "--target", "mine.json", "--on", "mine.json", "-q"])


def readings_not_undone() -> None:
    manila_file("mine.json", name="lab", calibrated=None, readout_errors=((0.5, 0.5),) * 5)
    qcompile.compile(CIRCUIT).on("mine.json", shots=10, mitigate="readout")


def bad_runtime_option() -> None:
    from qcompile.services.runtime import RuntimeProvider
    from qcompile.services.runtime_options import RuntimeOptions

    options = RuntimeOptions(sampler={"resilience_level": 1})
    RuntimeProvider(None, SimpleNamespace(name="ibm_torino"), None, options)


def session_not_ended() -> None:
    from qcompile.services.runtime import _end

    def close() -> None:
        raise OSError("no network")

    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        _end(SimpleNamespace(close=close), "session", "ibm_torino")
    sys.stderr.write(f"{found[0].message}\n")


def old_calibration(monkeypatch: pytest.MonkeyPatch) -> None:
    from datetime import UTC, datetime

    now = datetime(2026, 5, 20, tzinfo=UTC)
    monkeypatch.setattr("qcompile.backends.devices.age.utc_now", lambda: now)
    manila_file("mine.json", name="lab", calibrated="2026-05-01")
    Path("hw.qa").write_text(CIRCUIT + 'target hw { device: "mine.json" }\n')
    command("hw.qa", "--target", "hw", "-W", "error")()


def several_places() -> None:
    first = CIRCUIT.replace("low()", "low() on hw")
    second = CIRCUIT.replace("qa 1\n", "").replace("low()", "high() on here")
    target = 'target hw { device: "fake_manila", run: device }\n'
    qcompile.compile(first + second + target + "target here { dtype: float32 }\n").on()


def cloud(shots: int | None = None) -> Any:
    from qcompile.services.jobs import JobService
    from qcompile.services.terms import Patience
    from tests.services.faulty import Cloud, Faulty

    patience = Patience(sleep=lambda seconds: None)
    return JobService(provider=Faulty(Cloud()), shots=shots, patience=patience)


def ask(service: Any) -> None:
    import numpy as np

    from tests.services.faulty import turned

    service.expectations([(turned(), np.zeros((2, 2)))])


def failing_service() -> None:
    service = cloud()
    service.provider.steps["submit"] = [OSError("the network is unreachable")] * 100
    ask(service)


def bad_outcomes() -> None:
    service = cloud()
    service.provider.change = lambda rows: [replace(row, weights=row.weights / 2) for row in rows]
    ask(service)


def angles_not_finite() -> None:
    import numpy as np

    from tests.services.faulty import turned

    cloud().expectations([(turned(), np.array([[0.0, 1.0], [float("nan"), 1.0]]))])


def exact_and_wide() -> None:
    gates = "encode angle(x, gate: ry); cz line; ry"
    qcompile.compile(
        "qa 1\nadapter wide() {\nshape 10 -> 2\n"
        f"q = circuit(10 qubits) {{ {gates}; measure z }}\nupdate linear(q, to: out_features)\n}}"
    ).on("line(10)")


def too_many_read() -> None:
    import numpy as np

    from qcompile.ir.circuit import Expectations, Pauli
    from tests.services.faulty import turned

    circuit = turned().circuit
    strings = tuple(Pauli(letters=((qubit, "Z"),)) for qubit in range(63))
    wide = replace(circuit, qubits=63, readout=Expectations(paulis=strings))
    cloud(shots=10).expectations([(replace(turned(), circuit=wide), np.zeros((2, 2)))])


def mitigated_nowhere() -> None:
    Path("hw.qa").write_text(
        CIRCUIT.replace("low()", "low() on t") + "target t { mitigate: zne }\n"
    )
    command("hw.qa", "-W", "error")()


def not_mitigated() -> None:
    on_aer(shots=10, mitigate="zne")


def needs_shots() -> None:
    from qcompile.services.jobs import JobService

    service = cloud(shots=10)
    service.provider.exact = False
    JobService(provider=service.provider)


def no_ledger() -> None:
    Path("notes.txt").write_text("notes\n")
    on_aer(shots=10, ledger="notes.txt")


HEAD_ADAPTER = """qa 1
adapter top() {
    attach "lm_head"
    update linear(linear(x, to: 2), to: out_features)
}
"""

PATCHED = (
    without_account,
    old_calibration,
    without_aer,
    huge_plan,
    fault,
    with_clauses_in_a_loop_of_its_own,
    with_setting_of_lora,
    no_temporary_folder,
    without_calibrations,
    damaged_calibration,
    qir_without_its_package,
    bad_gate := offered_gate("builtins:dict"),
    second_rx := offered_gate("builtins:dict", "rx"),
)
"""Cases that need a patched environment."""

CASES: dict[str, Callable[..., Any]] = {
    "QA0001": command("check", "lwo.qa"),
    "QA0002": command("check", "folder.pt"),
    "QA0003": command("check", "latin.qa"),
    "QA0004": command("check", "large.qa"),
    "QA0005": command("-o", "a.pt"),
    "QA0006": command("low.qa", "other.qa"),
    "QA0007": command("low.qa", "--optput=a.pt"),
    "QA0008": command("low.qa", "-o"),
    "QA0009": command("low.qa", "--message-format", "jsno"),
    "QA0010": command("low.qa", "--verify=yes"),
    "QA0011": command("low.qa", "-O3", "--passes", "cancel"),
    "QA0012": command("low.qa", "-o", "a.bin"),
    "QA0013": command("low.qa", "-o", "biuld/a.pt"),
    "QA0014": command("low.qa", "-o", "folder.pt"),
    "QA0015": command("low.qa", "-o", "linked.pt"),
    "QA0016": command("low.qa", "-o", "-"),
    "QA0017": command("low.qa", "--emit", "plan,programme"),
    "QA0018": command("low.qa", "-D", "rank"),
    "QA0019": command("low.qa", "-D", "rank=2", "-D", "rank=3"),
    "QA0020": command("explain", "QA001"),
    "QA0021": command("low.qa", "--target", "fake_torono"),
    "QA0022": command("low.qa", "-o", "low.qasm"),
    "QA0023": no_adapter,
    "QA0024": no_temporary_folder,
    "QA0041": command("low.qa", "--control"),
    "QA0042": command("both.qa", "--control", "--emit", "program", "-W", "error"),
    "QA0051": command("convert", "low.qa", "low.safetensors"),
    "QA0052": command("convert", "a.pt", "b.pt", "--module", "first.up"),
    "QA0061": command("reprot", "low.qa"),
    "QA4202": without_calibrations,
    "QA4203": device_without_gates,
    "QA4204": damaged_calibration,
    "QA4208": amplitudes_as_qasm,
    "QA4209": without_read_out,
    "QA4220": circuits_of("turn.qasm2", "--bind", "angles"),
    "QA4221": circuits_of("turn.qasm", "--bind", "wide.npy"),
    "QA4222": circuits_of("turn.qasm", "--bind", "angles", angles=float("nan")),
    "QA4223": qir_without_its_package,
    "QA4224": circuits_of("turn.qasm", "--bind", "many.npy"),
    "QA4225": without_input,
    "QA4226": circuits_of("turn.qasm", "--target", "simulator"),
    "QA4270": circuits_of("turn.qasm", "--bind", "angles", "--approximate"),
    "QA4241": command("targets", "show"),
    "QA4242": command("targets", "show", "grid(4)"),
    "QA4243": two_devices_of_one_name,
    "QA4244": other_calibration,
    "QA4245": old_calibration,
    "QA4260": not_simulated,
    "QA5001": near_name,
    "QA5002": lambda: qcompile.load("a" * 300 + ".pt"),
    "QA5003": load_bytes(b"GGUF"),
    "QA5004": load_object(lambda: nn.Linear(2, 2)),
    "QA5005": load_object(lambda: nn.Linear(2, 2).state_dict()),
    "QA5006": load(lambda contents: contents.update(version=2)),
    "QA5007": load(lambda contents: contents.update(version="one")),
    "QA5008": load(lambda contents: contents["state"]["low.a.weight"].add_(1)),
    "QA5009": load(lambda contents: contents["state"].pop("low.a.weight")),
    "QA5010": huge_plan,
    "QA5011": foreign_folder,
    "QA5021": program_as_adapter,
    "QA6001": attach(ATTACHED, nn.ModuleDict({"first": Block()})),
    "QA6002": attach(ATTACHED, model(8)),
    "QA6003": attach(ATTACHED, changed_kind()),
    "QA6004": attach(ATTACHED, model(), times=2),
    "QA6005": lambda: qcompile.detach(model()),
    "QA6006": merge,
    "QA6007": lambda: qcompile.compile(ATTACHED, model=model())["first.upp"],
    "QA6008": lambda: qcompile.compile(ATTACHED, model=model())(torch.zeros(2, 6)),
    "QA6009": attach(LOW, model()),
    "QA6010": lambda: qcompile.compile(LOW)(torch.zeros(2, 5)),
    "QA6031": diverged,
    "QA6051": under_names("a", "a"),
    "QA6053": lambda: qcompile.set_adapter(under_names("french")(), "fench"),
    "QA6055": under_names("a", "b", copied=False),
    "QA6057": half_a_prefix,
    "QA6059": saved_with_adapter,
    "QA6041": lambda: qcompile.compile(PREFIX)(torch.zeros(2, 6)),
    "QA6042": lambda: next(qcompile.compile(LOW).parts())[1].prefix(),
    "QA6043": flex_attention,
    "QA6044": prefix_for_another,
    "QA6011": attach(ATTACHED, narrow()),
    "QA6012": not_called,
    "QA6013": lambda: qcompile.attach(qcompile.compile(ATTACHED, model=model()), model()),  # type: ignore[arg-type]
    "QA6014": lambda: qcompile.compile(LOW)(torch.zeros(2, 6, dtype=torch.int64)),
    "QA6015": lambda: qcompile.load("attached.qa"),
    "QA6016": left_out,
    "QA6017": resized_head,
    "QA6018": unfitting_call,
    "QA6021": lambda: qcompile.compile(ROTATING)(torch.zeros(2, 6)),
    "QA6023": lambda: qcompile.compile(COMPUTING)(torch.zeros(2, 6)),
    "QA6024": quantised_weight,
    "QA6022": lambda: qcompile.compile(ROTATING)(torch.zeros(2, 6), torch.zeros(3, 4)),
    "QA6032": lambda: qcompile.warm_start(qcompile.compile(ROTATING), qcompile.compile(LOW)),
    "QA6064": no_token_ids,
    "QA6101": lambda: qcompile.prune(qcompile.compile(NONLINEAR, model=model())),
    "QA6102": scaled_gradients,
    "QA6121": save_sharded,
    "QA6125": penalise_partitioned,
    "QA6123": program_with_shots,
    "QA6131": uncalibrated,
    "QA6139": start_not_read,
    "QA6133": from_data("zero"),
    "QA6135": from_data("activation_rows", batches=[]),
    "QA6137": from_data("residual_rows", original=nn.ModuleDict({"first": Block()})),
    "QA6201": lambda: peft_model(target_modules=["upp"]),
    "QA6202": lambda: peft_model(name="low"),
    "QA6203": mixed_batch,
    "QA6223": from_peft(peft_type="SHIRRA"),
    "QA6225": from_peft(bias="all", init_lora_weights="loftq"),
    "QA6227": from_peft(peft_type="IA3", lora_alpha=None),
    "QA6231": to_peft,
    "QA6232": lambda: dora_for(None),
    "QA6233": lambda: dora_for(nn.Linear(2, 2)),
    "QA6234": lambda: peft_model(spec=qcompile.compile(LOW), seed=1, parameters={"rank": 3}),
    "QA6229": lambda: peft_model().add_weighted_adapter(["default"], [0.5], "half"),
    "QA6204": lambda: peft_model(spec=None),
    "QA6205": lambda: lora_of(qcompile.compile(ATTACHED, model=model()), rank=0),
    "QA6221": lambda: lora_of(qcompile.compile(ATTACHED, model=model()), error=2.0),
    "QA6222": lambda: lora_of(qcompile.compile(ATTACHED, model=model()), samples=torch.ones(2, 5)),
    "QA6211": lambda: peft_model(modules_to_save="norm"),
    "QA6212": lambda: peft_model(modules_to_save=["nrm"]),
    "QA6213": used_configuration,
    "QA6220": other_plan,
    "QA6219": lambda: peft_model().merge_adapter(["defualt"]),
    "QA6401": bent_at_experts,
    "QA7001": command("attached.qa", "--model", "nowhere"),
    "QA7002": with_model(model_type=None),
    "QA7003": with_model(model_type="lllama"),
    "QA7004": with_model(num_hidden_layers=10**9),
    # A fault that torch words: transformers finds others, in words that change.
    "QA7005": with_model(vocab_size=-1),
    "QA7301": lambda: surrogate_of(qcompile.compile(LOW)),
    "QA7302": lambda: surrogate_of(qcompile.compile(UPLOADING), samples=torch.ones(2, 8)),
    "QA7303": lambda: surrogate_of(qcompile.compile(CIRCUIT), error=0.0),
    "QA7304": merged_at_every_step,
    "QA7305": lambda: write_served(qcompile.compile(LOW), "served", base=weightless()),
    "QA7306": lambda: load_served("served", SimpleNamespace(qcompile_base=None), {}),
    "QA7401": without_block,
    "QA7402": with_unknown_setting,
    "QA7403": with_setting_of_lora,
    "QA7404": with_clauses_in_a_loop_of_its_own,
    "QA7101": lambda: qcompile.compile(CIRCUIT).on("simulater"),
    "QA7102": without_aer,
    "QA7103": lambda: qcompile.compile(LOW).on("aer"),
    "QA7104": failing_service,
    "QA7105": bad_outcomes,
    "QA7106": lambda: on_aer(shots=100, max_shots=50)(torch.zeros(2, 6)),
    "QA7107": needs_shots,
    "QA7108": no_ledger,
    "QA7109": lambda: on_aer(mitigate="readout")(torch.zeros(2, 6)),
    "QA7110": lambda: torch.save(on_aer(), "a.pt"),
    "QA7111": without_account,
    "QA7112": lambda: qcompile.compile(CIRCUIT).on(object()),
    "QA7114": no_device_to_run_on,
    "QA7115": several_places,
    "QA7116": angles_not_finite,
    "QA7117": exact_and_wide,
    "QA7118": too_many_read,
    "QA7119": not_mitigated,
    "QA7120": mitigated_nowhere,
    "QA7121": without_times,
    "QA7122": bad_runtime_option,
    "QA7123": session_not_ended,
    "QA7124": readings_not_undone,
    "QA7201": more_without_library,
    "QA7211": cut_state,
    "QA8001": bad_gate,
    "QA8002": second_rx,
    "QA8003": executor_of_a_laboratory,
    "QA9001": fault,
    "QA9002": command("check", "many.qa"),
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("low.qa").write_text(LOW)
    Path("both.qa").write_text(AMPLITUDES + LOW.replace("qa 1\n", "").replace("low(", "plain("))
    Path("attached.qa").write_text(ATTACHED)
    Path("latin.qa").write_bytes("qa 1 # größe".encode("latin-1"))
    Path("large.qa").write_bytes(b"#" * (2**20 + 1))
    Path("many.qa").write_text("qa 1\n" + "let a = b\n" * 120)
    Path("folder.pt").mkdir()
    Path("linked.pt").symlink_to("low.qa")
    return tmp_path


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("code", CASES)
def test_message_is_as_reviewed(
    code: str,
    monkeypatch: pytest.MonkeyPatch,
    pytestconfig: pytest.Config,
) -> None:
    shown = io.StringIO()
    monkeypatch.setattr(sys, "stderr", shown)
    try:
        CASES[code](*([monkeypatch] if CASES[code] in PATCHED else []))
    except QCompileError as error:
        shown.write(f"{error}\n")
    text = shown.getvalue().replace(transformers.__version__, "VERSION")
    text = re.sub(r"raised at \S+", "raised at PLACE", text)
    assert f"[{code}]" in text
    if code == "QA9002":  # Only its end is of interest.
        text = text[text.index(f"warning[{code}]") :]
    expectation = GOLDEN / f"{code}.txt"
    if pytestconfig.getoption("--update-golden"):
        expectation.parent.mkdir(exist_ok=True)
        expectation.write_text(text, encoding="utf-8")
    assert text == expectation.read_text(encoding="utf-8")


def test_every_code_has_a_reviewed_text() -> None:
    registered = {code for code in all_messages() if code.startswith(PREFIXES)}
    assert registered == set(CASES)
    assert {path.stem for path in GOLDEN.iterdir()} == set(CASES)
