"""The deterministic text form of every level, and its digest."""

from __future__ import annotations

import hashlib

from qcompile.ir.codec import canonical_json
from qcompile.ir.compilation import LoweredSet, PlannedSet, Site
from qcompile.ir.plan import Plan
from qcompile.ir.program import Program
from qcompile.ir.spec import Spec
from qcompile.ir.text_plan import plan_lines
from qcompile.ir.text_program import program_lines
from qcompile.ir.text_spec import spec_lines
from qcompile.ir.text_tree import tree_lines


def text_of(value: object) -> str:
    """Lines for people; ends in a newline. Other dataclasses (Syntax) are printed as trees."""
    return "\n".join(_lines(value)) + "\n"


def digest(value: object) -> str:
    """sha256, in hexadecimal, of the canonical JSON; raises `CodecError` like `encode`."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()


def _lines(value: object) -> list[str]:
    match value:
        case Spec():
            return spec_lines(value)
        case Program():
            return program_lines(value)
        case Plan():
            return plan_lines(value)
        case LoweredSet(programs=programs, sites=sites):
            blocks = [(index, program_lines(program)) for index, program in enumerate(programs)]
            return _units(blocks, sites)
        case PlannedSet(plans=plans, sites=sites, seed=seed):
            blocks = [(index, plan_lines(plan)) for index, plan in enumerate(plans)]
            return [f"seed {seed}", *_units(blocks, sites)]
        case _:
            return tree_lines(value)


def _units(blocks: list[tuple[int, list[str]]], sites: tuple[Site, ...]) -> list[str]:
    lines: list[str] = []
    for unit, block in blocks:
        lines += [f"unit {unit}", *block]
        lines += [f"  at {s.module or '(no module)'}" for s in sites if s.unit == unit]
        lines.append("")
    return lines[:-1]
