"""Fine-tune a small Llama with an adapter that `qcompile` compiled. No download, a few minutes.

    qcompile examples/qtha.qa -D rank=4 -o build/qtha.pt
    python examples/finetune.py --adapter build/qtha.pt

1. A tokenizer and a tiny Llama are trained on the sources of Python's standard library.
2. The adapter is attached, the base frozen, and the model fine-tuned on English prose: the help
   texts of `pydoc_data.topics`. LoRA of the same rank is trained for as many steps beside it.
3. The adapter is saved, loaded into a fresh copy of the base, and must give the same loss.
4. The curves are drawn to a PNG.

The learning rates are the best of the grid RATES by the loss on a validation text, for each
adapter; `--search` repeats the search. One seed and one small model: this shows that everything
works together, not which adapter is better.
"""

from __future__ import annotations

import argparse
import copy
import json
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from tiny_llama import (
    CONFIG,
    QUICK,
    Curve,
    Settings,
    Texts,
    Tokens,
    base_model,
    evaluate,
    train,
)
from transformers import LlamaForCausalLM

import qcompile

HERE = Path(__file__).resolve().parent

RATES = (2e-3, 5e-3, 1e-2, 2e-2, 5e-2)
CHOSEN = {"qtha": 5e-3, "lora": 2e-2}
"""The best of RATES for the compiled example and for LoRA, rank 4, with the default settings."""


@dataclass(frozen=True)
class Result:
    """A model fine-tuned with one adapter."""

    name: str
    model: LlamaForCausalLM
    adapter: qcompile.CompiledAdapter
    curve: Curve
    rate: float
    loss: float
    """On the held-out text, at the end."""

    @property
    def parameters(self) -> int:
        return sum(parameter.numel() for parameter in self.adapter.parameters())


def fine_tune(
    base: LlamaForCausalLM,
    adapter: qcompile.CompiledAdapter,
    texts: Texts,
    settings: Settings,
    rate: float,
    *,
    judged_by: torch.Tensor,
) -> Result:
    """Attach to a copy of the base and train."""
    name = adapter.sites[0].adapter
    model = qcompile.attach(copy.deepcopy(base), adapter)

    def judge() -> float:
        return evaluate(model, judged_by, settings)

    curve = train(
        model,
        texts.learn,
        settings,
        steps=settings.steps,
        rate=rate,
        title=f"{name}, rate {rate:g}",
        judge=judge,
    )
    return Result(name, model, adapter, curve, rate, curve.held_out[-1][1])


def generate(model: LlamaForCausalLM, tokens: Tokens, prompt: str, length: int = 48) -> str:
    """Continue a prompt, sampled with a fixed seed."""
    model.eval()
    torch.manual_seed(0)
    ids = torch.tensor([tokens.tokenizer.encode(prompt).ids])
    out = model.generate(
        input_ids=ids,
        attention_mask=torch.ones_like(ids),
        max_new_tokens=length,
        do_sample=True,
        temperature=0.6,
        top_k=0,
        pad_token_id=0,
    )
    return tokens.tokenizer.decode(out[0].tolist())


def draw(results: list[Result], frozen: float, path: Path) -> None:
    """Held-out loss as lines with marks, training loss, smoothed, as thin ones."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(7.5, 4.5), layout="constrained")
    axes.axhline(frozen, color="grey", linestyle="--", label="frozen base, held out")
    for result, colour in zip(results, ("tab:blue", "tab:orange"), strict=True):
        curve = result.curve
        smooth = [
            sum(curve.losses[max(0, end - 20) : end]) / min(end, 20)
            for end in range(1, len(curve.losses) + 1)
        ]
        axes.plot(range(1, len(smooth) + 1), smooth, color=colour, alpha=0.35, linewidth=1)
        axes.plot(
            *zip(*curve.held_out, strict=True),
            color=colour,
            marker="o",
            markersize=4,
            label=f"{result.name}, held out ({result.parameters:,} parameters)",
        )
    axes.set_xlabel("step")
    axes.set_ylabel("loss (nats per token)")
    axes.set_title("A tiny Llama, from code to prose (thin: training loss)", fontsize=11)
    axes.grid(alpha=0.2)
    axes.legend()
    figure.savefig(path, dpi=150)
    plt.close(figure)


def lora_beside(adapter: qcompile.CompiledAdapter) -> qcompile.CompiledAdapter:
    """LoRA of the same rank, from its own source."""
    rank = dict(adapter.manifest.planned.plans[0].parameters).get("rank", 8)
    return qcompile.compile(HERE / "lora.qa", model=CONFIG, parameters={"rank": rank})


def search(tokens: Tokens, base: LlamaForCausalLM, path: Path, settings: Settings) -> None:
    """Every rate of the grid for both adapters, judged by the validation text."""
    lines = []
    for rate in RATES:
        compiled = qcompile.load(path)
        for adapter in (compiled, lora_beside(compiled)):
            texts = tokens.prose
            result = fine_tune(base, adapter, texts, settings, rate, judged_by=texts.validation)
            lines.append(f"  {result.name:8} rate {rate:<6g} validation loss {result.loss:.4f}")
    print("\n".join(sorted(lines)))


def run(adapter_path: Path, output: Path, settings: Settings) -> None:
    """The whole demonstration; prints its figures and writes them to `output`."""
    adapter = qcompile.load(adapter_path)
    output.mkdir(parents=True, exist_ok=True)
    tokens, base = prepare(output, settings)
    held_out = tokens.prose.held_out
    frozen = evaluate(base, held_out, settings)

    results = []
    for one in (adapter, lora_beside(adapter)):
        rate = CHOSEN.get(one.sites[0].adapter, CHOSEN["qtha"])
        result = fine_tune(base, one, tokens.prose, settings, rate, judged_by=held_out)
        start = result.curve.held_out[0][1]
        if start != frozen:
            raise SystemExit(f"the untrained {result.name} changes the model: {start}, {frozen}")
        results.append(result)
    trained, lora = results

    saved = output / f"{trained.name}-trained.pt"
    adapter.save(saved)
    again = qcompile.attach(copy.deepcopy(base), qcompile.load(saved))
    reloaded = evaluate(again, held_out, settings)
    if reloaded != trained.loss:
        raise SystemExit(f"the saved adapter differs: {reloaded} is not {trained.loss}")

    picture = output / "finetune.png"
    draw(results, frozen, picture)
    write_figures(output / "finetune.json", results, frozen, reloaded)
    print(f"\nheld-out loss on prose, nats per token, after {settings.steps} steps:\n")
    print(f"  {'':14}{'loss':>8}{'parameters':>12}{'ms/step':>9}{'rate':>8}")
    print(f"  {'frozen base':14}{frozen:8.4f}{0:12,}")
    for result in results:
        step = 1e3 * result.curve.seconds / settings.steps
        print(
            f"  {result.name:14}{result.loss:8.4f}{result.parameters:12,}{step:9.0f}"
            f"{result.rate:8g}"
        )
    print(f"\nuntrained, both give {frozen:.4f} too, to the last bit: ΔW = 0 at the start")
    print(f"saved, loaded into a fresh base: {reloaded:.4f}, the same to the last bit")
    if trained.parameters > lora.parameters:
        width = base.config.hidden_size
        print(
            f"{trained.name} has more parameters than LoRA in a model {width} wide;"
            " it saves in wide ones:\n"
            "  qcompile report examples/qtha.qa --model examples/models/qwen2-7b"
        )
    print("\nA million parameters write no sense, but code and prose look different:")
    prompt = "If the object"
    print(f"frozen base: {generate(base, tokens, prompt)!r}")
    print(f"{trained.name}: {generate(again, tokens, prompt)!r}")
    print(f"\ncurves: {picture}")


def prepare(output: Path, settings: Settings) -> tuple[Tokens, LlamaForCausalLM]:
    """The texts and the base."""
    tokens = Tokens(settings, vocabulary=json.loads(CONFIG.read_text())["vocab_size"])
    return tokens, base_model(tokens, settings, output)


def write_figures(path: Path, results: list[Result], frozen: float, reloaded: float) -> None:
    """The figures as JSON."""
    figures = {
        "frozen": frozen,
        "reloaded": reloaded,
        "adapters": {
            result.name: {
                "loss": result.loss,
                "parameters": result.parameters,
                "rate": result.rate,
                "held_out": result.curve.held_out,
                "losses": result.curve.losses,
            }
            for result in results
        },
    }
    path.write_text(json.dumps(figures, indent=2) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--adapter", type=Path, default=Path("build/qtha.pt"))
    parser.add_argument("--output", type=Path, default=Path("build"))
    parser.add_argument("--quick", action="store_true", help="seconds instead of minutes")
    parser.add_argument("--steps", type=int, help="steps of fine-tuning")
    parser.add_argument("--search", action="store_true", help="try all learning rates of the grid")
    arguments = parser.parse_args()
    settings = QUICK if arguments.quick else Settings()
    if arguments.steps is not None:
        settings = replace(settings, steps=arguments.steps)
    try:
        if arguments.search:
            arguments.output.mkdir(parents=True, exist_ok=True)
            search(*prepare(arguments.output, settings), arguments.adapter, settings)
        else:
            run(arguments.adapter, arguments.output, settings)
    except qcompile.QCompileError as error:
        raise SystemExit(str(error)) from None


if __name__ == "__main__":
    main()
