"""Figures as JSON."""

from __future__ import annotations

import dataclasses
import json

from qcompile.report.figures import SCHEMA_VERSION, Figures


def report_json(figures: Figures) -> str:
    """Figures as one JSON object with a `schema_version`; keys are the fields' names."""
    record = {"schema_version": SCHEMA_VERSION, **dataclasses.asdict(figures)}
    return json.dumps(record, indent=2, ensure_ascii=False) + "\n"
