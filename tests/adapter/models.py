"""Small random models of transformers, and adapters for them without the front end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from typing import Any

import torch
import transformers
from torch import nn

import qcompile
from qcompile.adapter import CompiledAdapter
from qcompile.artifact.manifest import Manifest
from qcompile.ir.compilation import PlannedSet, Site
from qcompile.ir.initialisation import ZERO
from qcompile.ir.ops.ends import InputNode
from qcompile.ir.ops.linear import LinearNode
from qcompile.ir.plan import Plan
from qcompile.ir.program import CircuitNode, Program
from qcompile.ir.target import Target
from qcompile.ir.tensor import TensorSpec
from qcompile.models.linear import linear_sizes
from qcompile.passes.base import Context
from qcompile.passes.pipeline import preset, run_pipeline
from qcompile.testing.known_programs import KAIMING, lora, qtha_circuit

Build = Callable[[int, int], Program]


def low_rank(in_features: int, out_features: int) -> Program:
    """Linear in x."""
    return lora(in_features, out_features, 2)


def circuit(in_features: int, out_features: int) -> Program:
    """A circuit on three qubits between two matrices; the second starts at zero."""
    shape = qtha_circuit(3, 1)
    return Program(
        adapter="circuit",
        in_features=in_features,
        out_features=out_features,
        mode="add",
        nodes=(
            InputNode(width=in_features),
            LinearNode(operand=0, tensor=0, width=3),
            CircuitNode(operands=(1,), circuit=shape, angles=1, width=3),
            LinearNode(operand=2, tensor=2, width=out_features),
        ),
        result=3,
        tensors=(
            TensorSpec(name="h.weight", shape=(3, in_features), init=KAIMING),
            TensorSpec(name="q.angles", shape=(shape.angle_count,), init=KAIMING),
            TensorSpec(name="u.weight", shape=(out_features, 3), init=ZERO),
        ),
        parameters=(("rank", 3),),
    )


BUILDS: dict[str, Build] = {"lora": low_rank, "circuit": circuit}


def renamed(build: Build, name: str, mode: Any = "add", share: str | None = None) -> Build:
    """The same program as another adapter; `share`: its last tensor is one for all modules."""

    def build_renamed(in_features: int, out_features: int) -> Program:
        program = build(in_features, out_features)
        *first, last = program.tensors
        tensors = (*first, replace(last, share=share))
        return replace(program, adapter=name, mode=mode, tensors=tensors)

    return build_renamed


@lru_cache(maxsize=128)
def _planned(program: Program, context: Context) -> Plan:
    return run_pipeline(program, preset(2), context)


def compiled(
    model: nn.Module, endings: tuple[str, ...], build: Build, target: Target | None = None
) -> CompiledAdapter:
    """An adapter for every module whose name ends so."""
    context = Context(target=target or Target(name="simulator"), tokens=8)
    plans: dict[tuple[int, int], Plan] = {}
    sites = []
    for name, module in model.named_modules():
        sizes = linear_sizes(module)
        if sizes is not None and name.rpartition(".")[2] in endings:
            if sizes not in plans:
                plans[sizes] = _planned(build(*sizes), context)
            unit = list(plans).index(sizes)
            sites.append(Site(module=name, adapter=plans[sizes].adapter, unit=unit))
    assert sites
    planned = PlannedSet(plans=tuple(plans.values()), sites=tuple(sites), seed=1)
    return CompiledAdapter(
        Manifest(
            sources=(),
            definitions=(),
            pipeline="",
            tokens=8,
            model=None,
            devices=(),
            digests=(),
            versions=(),
            planned=planned,
        )
    )


def trained(adapter: CompiledAdapter) -> CompiledAdapter:
    """The adapter with random tensors, as if it had been trained."""
    generator = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for parameter in adapter.parameters():
            noise = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
            parameter.copy_(0.1 * noise)
    return adapter


def llama(**settings: Any) -> nn.Module:
    config = transformers.LlamaConfig(
        vocab_size=64,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=64,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=2,
        **settings,
    )
    return _seeded(transformers.LlamaForCausalLM, config)


def gpt2() -> nn.Module:
    config = transformers.GPT2Config(
        vocab_size=64,
        n_embd=32,
        n_layer=2,
        n_head=4,
        n_positions=64,
        bos_token_id=1,
        eos_token_id=2,
    )
    return _seeded(transformers.GPT2LMHeadModel, config)


def opt() -> nn.Module:
    config = transformers.OPTConfig(
        vocab_size=64,
        hidden_size=32,
        ffn_dim=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        word_embed_proj_dim=32,
        max_position_embeddings=64,
    )
    return _seeded(transformers.OPTForCausalLM, config)


def bert() -> nn.Module:
    config = transformers.BertConfig(
        vocab_size=64,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=64,
    )
    return _seeded(transformers.BertForMaskedLM, config)


def t5() -> nn.Module:
    config = transformers.T5Config(
        vocab_size=64,
        d_model=32,
        d_kv=8,
        d_ff=48,
        num_layers=2,
        num_heads=4,
        decoder_start_token_id=0,
    )
    return _seeded(transformers.T5ForConditionalGeneration, config)


MODELS: dict[str, tuple[Callable[[], nn.Module], tuple[str, ...]]] = {
    "llama": (llama, ("q_proj", "v_proj", "down_proj")),
    "gpt2": (gpt2, ("c_attn", "c_proj")),
    "opt": (opt, ("q_proj", "fc1")),
    "bert": (bert, ("query", "value")),
    "t5": (t5, ("q", "wo")),
}


def _seeded(kind: Any, config: Any) -> nn.Module:
    torch.manual_seed(0)
    model: nn.Module = kind(config)
    return model.eval()


TOKENS = torch.tensor([[5, 9, 2, 44, 17, 8], [1, 2, 3, 60, 5, 6]])


def logits(model: nn.Module) -> torch.Tensor:
    # With gradients torch takes other kernels for frozen weights, which round differently.
    with torch.no_grad():
        found: torch.Tensor = outputs(model).logits
    return found


def outputs(model: nn.Module) -> Any:
    return model(input_ids=TOKENS, labels=TOKENS)


def checkpoint_activations(model: nn.Module, *, reentrant: bool = False) -> None:
    """transformers' own switch, under the name that its version knows it by."""
    old: Any = getattr(model, "gradient_checkpointing_enable", None)
    enable: Any = getattr(model, "activation_checkpointing_enable", old)
    enable({"use_reentrant": reentrant})


def snapshot(model: nn.Module) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def same(left: dict[str, torch.Tensor], right: dict[str, torch.Tensor]) -> bool:
    return list(left) == list(right) and all(torch.equal(left[k], right[k]) for k in left)


def moved(source: str, model: nn.Module) -> CompiledAdapter:
    """In float64, away from where it starts."""
    adapter = qcompile.compile("qa 1\n\n" + source, model=model).double()
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in adapter.parameters():
            noise = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
            parameter.add_(0.3 * noise)
    return adapter
