"""What lowering refuses before anything is allocated."""

from __future__ import annotations

MAX_QUBITS = 30
MAX_GATES = 200_000
"""Of one expanded circuit; also the number of its items that are visited, empty ones included."""
MAX_REPEATS = 10_000
MAX_SITES = 64
MAX_GATE_SITES = 16
"""Axes of tensor gates; every pair of them may have one."""
MAX_BLOCK = 1024
"""Rows of an orthogonal block, of which a linear system is solved in every call."""
MAX_BANK = 1_000_000
"""Angles of one declared bank."""
MAX_WIDTH = 2**24
"""Elements of a value per token."""
MAX_TENSOR = 2**32
"""Elements of one trainable tensor."""
MAX_PARAMETERS = 2**36
"""Trainable elements of all modules together."""
MAX_NODES = 10_000
"""Nodes of one adapter's graph."""
