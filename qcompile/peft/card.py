"""The model card that peft writes beside a saved adapter."""

from __future__ import annotations

from pathlib import Path

from qcompile.artifact.atomic import write_atomically

CARD = "README.md"

_LOADERS = {
    "CAUSAL_LM": "AutoPeftModelForCausalLM",
    "FEATURE_EXTRACTION": "AutoPeftModelForFeatureExtraction",
    "QUESTION_ANS": "AutoPeftModelForQuestionAnswering",
    "SEQ_2_SEQ_LM": "AutoPeftModelForSeq2SeqLM",
    "SEQ_CLS": "AutoPeftModelForSequenceClassification",
    "TOKEN_CLS": "AutoPeftModelForTokenClassification",
}
"""The class of peft for each `task_type`; AutoPeftModel takes none."""

_CODE = """```python
import qcompile.peft  # makes the method known to peft
from peft import {loader}

model = {loader}.from_pretrained("path/to/this/folder")
```

Without the import peft says `KeyError: 'QCOMPILE'`. The base model comes first where it is loaded
by other means: `qcompile.peft.load(base_model, "path/to/this/folder")`."""

_PLACE = "Use the code below to get started with the model.\n\n[More Information Needed]"


def complete_card(folder: str | Path, task_type: str | None) -> None:
    """Say in the README.md of a folder, where there is one, how the adapter is loaded; once."""
    code = _CODE.format(loader=_LOADERS.get(str(task_type), "AutoPeftModel"))
    file = Path(folder) / CARD
    if not file.is_file():
        return
    text = file.read_text("utf-8")
    if "import qcompile.peft" in text:
        return
    if _PLACE in text:
        head, tail = _PLACE.split("[")[0], text.split(_PLACE, 1)
        text = f"{tail[0]}{head}{code}{tail[1]}"
    else:
        text = f"{text.rstrip()}\n\n## How to load it\n\n{code}\n"
    write_atomically(file, text.encode())
