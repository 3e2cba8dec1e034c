"""Results on disk: one JSON line a run, so that an interrupted comparison goes on where it was."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


class Ledger:
    """Results by the hash of their settings; the last line for a key counts."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.results: dict[str, dict[str, Any]] = {}
        text = path.read_text("utf-8") if path.exists() else ""
        self._start = "" if text.endswith("\n") or not text else "\n"
        for line in text.splitlines():
            try:
                entry = json.loads(line)
            except json.JSONDecodeError:
                continue  # The line during which an earlier run was killed.
            self.results[entry["key"]] = entry["result"]

    def __contains__(self, key: str) -> bool:
        return key in self.results

    def __getitem__(self, key: str) -> dict[str, Any]:
        return self.results[key]

    def add(self, key: str, settings: dict[str, Any], result: dict[str, Any]) -> None:
        """Write a result through to the disk."""
        self.results[key] = result
        line = json.dumps({"key": key, "settings": settings, "result": result})
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(self._start + line + "\n")
        self._start = ""
