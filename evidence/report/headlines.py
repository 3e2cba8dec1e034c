"""The headline claims of the papers beside what was found here."""

from __future__ import annotations

from evidence.methods import BUDGETS
from evidence.report.comparisons import against, difference, verdicts
from evidence.report.figures import interval
from evidence.results import Results, Row
from evidence.statistics import all_finite, mean

RUN = "`make evidence`"


def headline_rows(results: Results) -> list[list[str]]:
    """Rows of (claim, here, why, command)."""
    return [
        _qtha_parameters(results),
        _qtha_loss(results),
        _qtha_score(results),
        _qaa_share(results),
        _memory(results),
        _quantum_peft(results),
    ]


def _qtha_parameters(results: Results) -> list[str]:
    claim = "QTHA: 76 % fewer trainable parameters than LoRA"
    command = (
        "`qcompile report examples/qtha.qa --model examples/models/qwen2-7b -D rank=10 -D layers=1`"
    )
    counts = results.published["qtha"]
    saving = 100 * (1 - counts["parameters"] / counts["lora"])
    verdict = "reproduced" if round(saving) == 76 else "not reproduced"
    why = (
        f"rank 10, one layer, Qwen2-7B: {counts['parameters']:,.0f} against"
        f" {counts['lora']:,.0f}, −{saving:.1f} %; a count, which says nothing about quality"
    )
    return [claim, verdict, why, command]


def _qtha_loss(results: Results) -> list[str]:
    claim = "QTHA: training loss up to 15 to 17 % below LoRA's"
    return [claim, *_beside_lora(results, "train_loss", -0.15), RUN]


def _qtha_score(results: Results) -> list[str]:
    claim = "QTHA: test score up to 17 % above LoRA's"
    return [claim, *_beside_lora(results, "score", 0.17), RUN]


def _beside_lora(results: Results, figure: str, claimed: float) -> tuple[str, str]:
    """Verdict and reason.

    A change counts where it is as large as claimed, its interval leaves zero out, and the shape has
    LoRA's size: the paper's claim is made with fewer parameters.
    """
    parts, reached = [], False
    for task in results.tasks:
        for budget in BUDGETS:
            own, lora = task.row("qtha", budget), task.row("lora", budget)
            change = _change(own, lora, figure)
            if own is None or lora is None or change is None:
                continue
            size = own.parameters / lora.parameters
            parts.append(f"{task.task} {_percent(change)} with {size:.2f} × its parameters")
            wanted = claimed if figure != "score" or task.higher_is_better else -claimed
            one = difference(own, lora, figure)
            large = change >= wanted if wanted > 0 else change <= wanted
            clear = one is not None and (one.low > 0 or one.high < 0)
            reached |= budget == "parameters" and large and clear
    if not parts:
        return "not run", "no results"
    why = f"against LoRA, rank 4: {'; '.join(parts)}; small models"
    return "reproduced" if reached else "not reproduced", why


def _qaa_share(results: Results) -> list[str]:
    claim = "QAA: 0.09 % of the parameters are trained"
    counts = results.published["qaa"]
    share = 100 * counts["parameters"] / counts["model"]
    verdict = "reproduced" if f"{share:.2f}" == "0.09" else "not reproduced"
    why = (
        f"our QAA on Llama-3-8B, query and value: {counts['parameters']:,.0f} of"
        f" {counts['model']:,.0f}, {share:.3f} %; the paper leaves gates and up-projection open"
    )
    return [
        claim,
        verdict,
        why,
        "`qcompile report examples/qaa.qa --model examples/models/llama-3-8b`",
    ]


def _memory(results: Results) -> list[str]:
    claim = "QAA: up to 37 % less GPU memory"
    parts = []
    for task in results.tasks:
        own, lora = task.row("qaa", "steps"), task.row("lora", "steps")
        if own is None or lora is None:
            continue
        for name, words in (("memory", "peak"), ("saved", "kept for the backward pass")):
            a, b = own.costs.get(name), lora.costs.get(name)
            if a is not None and b:
                parts.append(f"{task.task}, {words}: {_percent(a / b - 1)}")
    why = "its models are of another size, where the frozen model fills the memory" + (
        f"; here, against LoRA: {', '.join(parts)}" if parts else ""
    )
    return [claim, "not testable at this scale", why, RUN]


def _quantum_peft(results: Results) -> list[str]:
    claim = "Quantum-PEFT: 5 to 25 times fewer parameters than LoRA at like quality"
    command = "`qcompile report examples/quantum_peft.qa --model examples/models/llama-3-8b`"
    counts = results.published.get("quantum_peft")
    if counts is None:
        return [claim, "not run", "the method was not there", command]
    factor = counts["lora"] / counts["parameters"]
    why = (
        f"count on Llama-3-8B: {counts['parameters']:,.0f} against {counts['lora']:,.0f} of LoRA,"
        f" rank 1, {factor:.0f} times fewer"
    )
    behind, told = [], []
    for task in results.tasks:
        pairs = against(task, "lora", "steps")
        for verdict in verdicts(pairs, "score", higher_is_better=task.higher_is_better):
            if verdict.row.name == "quantum_peft":
                told.append(f"{task.task} {interval(verdict.difference, 3)}")
                if verdict.clear and not verdict.better:
                    behind.append(task.task)
    count = "count reproduced" if 5 <= factor <= 25 else "more than 25 times fewer"
    if factor < 5:
        count = "not reproduced"
    if not told:
        return [claim, count, why, command]
    judged = f"{count}, quality not reproduced" if behind else count
    quality = f"; score against LoRA, rank 4, {', '.join(told)}"
    return [claim, judged, why + quality, f"{command}; {RUN}"]


def _change(own: Row | None, other: Row | None, figure: str) -> float | None:
    """Relative change of means; None where either is missing or diverged."""
    if own is None or other is None or figure not in own.figures or figure not in other.figures:
        return None
    a, b = own.figures[figure], other.figures[figure]
    if not (all_finite(a) and all_finite(b)) or mean(b) == 0:
        return None
    return mean(a) / mean(b) - 1


def _percent(change: float) -> str:
    return f"{100 * change:+.1f} %".replace("-", "−")
