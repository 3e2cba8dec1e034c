"""Parameters on the models of the papers: counted from plans, nothing is trained."""

from __future__ import annotations

from evidence.methods import EXAMPLES, Value
from qcompile.artifact.layout import trainable_parameters
from qcompile.driver.options import Options
from qcompile.driver.phases import compile_source
from qcompile.grammar.files import read_source

QWEN = "examples/models/qwen2-7b"
LLAMA = "examples/models/llama-3-8b"


def published_counts() -> dict[str, dict[str, float]]:
    """For each headline about parameters: the adapter's, LoRA's beside it, and the model's."""
    qtha: dict[str, Value] = {"rank": 10, "layers": 1}
    counts = {
        "qtha": _beside("qtha.qa", qtha, "lora.qa", {"rank": 10}, "qwen2-7b"),
        "qaa": _beside("qaa.qa", {}, "lora.qa", {"rank": 8}, "llama-3-8b"),
    }
    if (EXAMPLES / "quantum_peft.qa").exists():
        counts["quantum_peft"] = _beside(
            "quantum_peft.qa", {}, "lora.qa", {"rank": 1}, "llama-3-8b"
        )
    return counts


def _beside(
    file: str, values: dict[str, Value], other: str, others: dict[str, Value], model: str
) -> dict[str, float]:
    own, base = _count(file, values, model)
    lora, _ = _count(other, others, model)
    return {"parameters": own, "lora": lora, "model": base}


def _count(file: str, values: dict[str, Value], model: str) -> tuple[int, int]:
    options = Options(
        parameters=tuple(values.items()),
        model=str(EXAMPLES / "models" / model),
    )
    compilation = compile_source(read_source(str(EXAMPLES / file)), options)
    assert compilation.model is not None
    return trainable_parameters(compilation.planned), compilation.model.parameters
