"""How jobs are handed in: patience, limits, and what was handed in so far."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from qcompile.services.ledger import Ledger


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How often and how long a job is tried."""

    tries: int = 5
    """Rounds in a row that bring no new result."""
    pause: float = 1.0
    """Seconds after the first of them; twice as long after each further one."""
    timeout: float = 24 * 3600.0
    """Seconds that one round waits for a job."""
    sleep: Callable[[float], None] = time.sleep


@dataclass(slots=True, kw_only=True)
class Tally:
    """What was handed in so far."""

    circuits: int = 0
    """Bindings."""
    shots: int = 0
    """Of the device, in which copies side by side have a part each."""
    jobs: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """Most shots and jobs of a run; None: any number."""

    shots: int | None = None
    jobs: int | None = None


@dataclass(kw_only=True)
class Terms:
    """What all calls of a service have in common."""

    ledger: Ledger | None = None
    budget: Budget = field(default_factory=Budget)
    patience: Patience = field(default_factory=Patience)
    say: Callable[[str], None] | None = None
    """Told how far a call is."""
    tally: Tally = field(default_factory=Tally)
