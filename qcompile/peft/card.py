"""The model card that peft writes beside a saved adapter."""

from __future__ import annotations

from pathlib import Path

from qcompile.artifact.atomic import write_atomically

CODE = """```python
import qcompile.peft  # makes the method known to peft
from peft import AutoPeftModel

model = AutoPeftModel.from_pretrained("path/to/this/folder")
```

Without the import peft says `KeyError: 'QCOMPILE'`. The base model comes first where it is loaded
by other means: `qcompile.peft.load(base_model, "path/to/this/folder")`."""

_PLACE = "Use the code below to get started with the model.\n\n[More Information Needed]"


def complete_card(folder: str | Path) -> None:
    """Say in the README.md of a folder, where there is one, how the adapter is loaded; once."""
    file = Path(folder) / "README.md"
    if not file.is_file():
        return
    text = file.read_text("utf-8")
    if "import qcompile.peft" in text:
        return
    if _PLACE in text:
        head, tail = _PLACE.split("[")[0], text.split(_PLACE, 1)
        text = f"{tail[0]}{head}{CODE}{tail[1]}"
    else:
        text = f"{text.rstrip()}\n\n## How to load it\n\n{CODE}\n"
    write_atomically(file, text.encode())
