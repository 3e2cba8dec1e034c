"""Circuits as files of other tools."""

from __future__ import annotations

from qcompile.backends.export.qasm2 import write_qasm2
from qcompile.backends.export.qasm3 import write_qasm3
from qcompile.backends.export.tket_json import read_tket_json, write_tket_json

__all__ = ["read_tket_json", "write_qasm2", "write_qasm3", "write_tket_json"]
