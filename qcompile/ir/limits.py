"""What a compilation may hold, and what it takes for granted unless told otherwise.

Beyond these limits a spec is refused before anything is allocated.
"""

from __future__ import annotations

MAX_QUBITS = 128
MAX_GATES = 200_000
"""Of one expanded circuit; also the number of its items that are visited, empty ones included."""
MAX_REPEATS = 10_000
MAX_SITES = 64
MAX_GATE_SITES = 16
"""Axes of tensor gates; every pair of them may have one."""
MAX_BLOCK = 1024
"""Rows of an orthogonal block, of which a linear system is solved in every call."""
MAX_ORDER = 8
"""Rows of the parts whose determinants make a compound matrix."""
MAX_MINORS = 2**27
"""Elements of a compound matrix."""
MAX_BANK = 1_000_000
"""Angles of one declared bank."""
MAX_DIGITS = 20
"""Binary digits of a table's rows."""
MAX_DEVICE_QUBITS = 1024
MAX_BOND = 1024
"""Between two qubits of a matrix product state; an eigenproblem of twice the size."""
DEFAULT_BOND = 32
MAX_FUSED_QUBITS = 14
"""Of a circuit in the compiled library: beyond, a thread's states leave its cache."""
MAX_FUSED_GATES = 4000
"""Every pair of which may be compared."""
MAX_WIDTH = 2**24
"""Elements of a value per token."""
MAX_TENSOR = 2**32
"""Elements of one trainable tensor."""
MAX_TRAINABLE = 2**36
"""Trainable elements of all modules together."""
MAX_NODES = 10_000
"""Nodes of one adapter's graph."""

DEFAULT_OPTIMISATION = 2
DEFAULT_TOKENS = 2048
"""Of a training step, the batch for which costs are weighed."""
DEFAULT_MEMORY = 8 * 2**30
"""Bytes that a step of one module, or all trainable tensors, may take."""
