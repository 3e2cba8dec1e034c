"""qcompile's own executors, by the names that a target's `evaluator` takes."""

from __future__ import annotations

BUILT_IN = {
    "statevector": "qcompile.executors.sweeps.executors:Statevector",
    "dense": "qcompile.executors.sweeps.executors:Dense",
    "network": "qcompile.executors.network.executor:Network",
    "density": "qcompile.executors.sweeps.executors:Density",
    "transfer": "qcompile.executors.transfer.executor:Transfer",
    "adjoint": "qcompile.executors.sweeps.adjoint_executor:Adjoint",
    "mps": "qcompile.executors.mps.executor:Mps",
    "fused": "qcompile.executors.fused.executor:Fused",
}
"""Where each is, in the order in which they are asked: what needs a search comes after those that
it has to beat, and what falls back on another after that. The language needs the names, and must
not wait for what they stand for."""
