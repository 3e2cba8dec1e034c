"""Training steps of a Llama of width 512 with adapters, as ratios to PEFT's LoRA of rank 4.

    python benchmarks/training.py [--adapters NAME …] [--rounds N] [--threads N]

A step is forward and backward of 4 layers on 8 × 256 tokens, with adapters on q_proj and v_proj.
The contestants take turns; a ratio is one of steps of the same round. Printed are medians over the
rounds, with quartiles: of the time on the wall and of that of the processor.
"""

from __future__ import annotations

import argparse
import re
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import nn

import qcompile

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
ATTACHED = 'attach "*.self_attn.{q,v}_proj"'
ADAPTERS: dict[str, dict[str, int]] = {
    "lora": {"rank": 4},
    "qtha": {"rank": 4},
    "quantum_peft": {},
    "qaa": {},
    "quanta": {},
    "mpo": {},
}
"""Examples and values of their parameters."""
REFERENCE = "PEFT LoRA"
BATCH, LENGTH = 8, 256

Step = Callable[[], None]


def base_model() -> nn.Module:
    """Random weights, the same every time."""
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=512,
        hidden_size=512,
        intermediate_size=1376,
        num_hidden_layers=4,
        num_attention_heads=8,
        num_key_value_heads=8,
        use_cache=False,
    )
    return LlamaForCausalLM(config).requires_grad_(False)


def source_of(name: str) -> str:
    """The example, on q_proj and v_proj alone."""
    text = (EXAMPLES / f"{name}.qa").read_text()
    kept = re.sub(r"^ *attach .*\n", "", text, flags=re.MULTILINE)
    return re.sub(r"^(adapter .*?\{\n)", rf"\1    {ATTACHED}\n", kept, flags=re.M | re.S)


def adapted(name: str) -> nn.Module:
    model = base_model()
    if name == REFERENCE:
        from peft import LoraConfig, get_peft_model

        config = LoraConfig(r=4, lora_alpha=8, target_modules=["q_proj", "v_proj"])
        return get_peft_model(model, config)  # type: ignore[arg-type]
    adapter = qcompile.compile(
        source_of(name), model=model, parameters=ADAPTERS[name], tokens=BATCH * LENGTH
    )
    qcompile.attach(model, adapter)
    return model


def step_of(name: str) -> Step:
    model = adapted(name)
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    # Zeros at the start would leave out gradients that training has after its first step.
    for parameter in trained:
        nn.init.normal_(parameter, std=0.02)
    tokens = torch.arange(BATCH * LENGTH).mul(7919).remainder(509).reshape(BATCH, LENGTH)

    def step() -> None:
        loss = model(input_ids=tokens, labels=tokens).loss
        loss.backward()
        for parameter in trained:
            parameter.grad = None

    return step


def spread(values: Sequence[float]) -> str:
    low, middle, high = statistics.quantiles(values, n=4)
    return f"{middle:5.2f} ({low:.2f} to {high:.2f})"


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python benchmarks/training.py", description=__doc__)
    parser.add_argument("--adapters", nargs="+", choices=list(ADAPTERS), default=list(ADAPTERS))
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args(argv)
    torch.set_num_threads(options.threads)
    steps = {name: step_of(name) for name in (REFERENCE, *options.adapters)}
    wall: dict[str, list[float]] = {name: [] for name in steps}
    processor: dict[str, list[float]] = {name: [] for name in steps}
    for turn in range(options.rounds + 1):
        for name, step in steps.items():
            started, used = time.perf_counter(), time.process_time()
            step()
            if turn:  # the first one warms up
                wall[name].append(time.perf_counter() - started)
                processor[name].append(time.process_time() - used)
    print("| adapter | ms | ÷ LoRA, wall (quartiles) | ÷ LoRA, processor (quartiles) |")
    print("|---|---|---|---|")
    for name in steps:
        ratios = [
            spread([mine / theirs for mine, theirs in zip(of[name], of[REFERENCE], strict=True)])
            for of in (wall, processor)
        ]
        print(f"| {name} | {1e3 * statistics.median(wall[name]):.0f} | {' | '.join(ratios)} |")


if __name__ == "__main__":
    main()
