"""Adapters of qcompile as a method of peft; importing this package registers it.

from qcompile.peft import QCompileConfig
model = get_peft_model(model, QCompileConfig(spec="adapter.qa"))
"""

from __future__ import annotations

from qcompile.peft.config import QCompileConfig
from qcompile.peft.layer import QCompileLayer
from qcompile.peft.load import load
from qcompile.peft.lora import to_lora
from qcompile.peft.model import QCompileModel
from qcompile.peft.register import register

__all__ = ["QCompileConfig", "QCompileLayer", "QCompileModel", "load", "to_lora"]

register()
