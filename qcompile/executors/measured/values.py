"""Values of circuits at many bindings: equal ones once, earlier ones again."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from qcompile.executors.measured.service import Placed, Service

REMEMBERED = 2**16
"""Bindings of a circuit whose values are kept."""


class Values:
    """For each circuit bindings (K, slots) → (K, outputs), in float64.

    Equal bindings in a call are one, and those of the last `REMEMBERED` are not evaluated again:
    activation checkpointing, a second pass over the same tokens and a retry see the same values.
    What is not known of all circuits is asked for at once.
    """

    def __init__(self, service: Service, circuits: Sequence[Placed]) -> None:
        self.service = service
        self.circuits = tuple(circuits)
        self._known: list[OrderedDict[bytes, NDArray[np.float64]]]
        self._known = [OrderedDict() for _ in self.circuits]

    def __call__(self, bindings: Sequence[NDArray[np.float64]]) -> list[NDArray[np.float64]]:
        # Adding zero makes -0.0 and 0.0 one.
        every = [np.ascontiguousarray(rows, dtype=np.float64) + 0.0 for rows in bindings]
        keys = [[row.tobytes() for row in rows] for rows in every]
        unknown = [
            {key: row for key, row in zip(own, rows, strict=True) if key not in known}
            for own, rows, known in zip(keys, every, self._known, strict=True)
        ]
        asked = [number for number, rows in enumerate(unknown) if rows]
        if asked:
            found = self.service.expectations(
                [(self.circuits[k], np.stack(list(unknown[k].values()))) for k in asked]
            )
            for number, values in zip(asked, found, strict=True):
                assert values.shape == (len(unknown[number]), self._outputs(number))
                self._known[number].update(zip(unknown[number], values, strict=True))
        return [self._recalled(number, own) for number, own in enumerate(keys)]

    def _recalled(self, number: int, keys: Sequence[bytes]) -> NDArray[np.float64]:
        known = self._known[number]
        result = np.empty((len(keys), self._outputs(number)))
        for place, key in enumerate(keys):
            result[place] = known[key]
            known.move_to_end(key)
        while len(known) > REMEMBERED:
            known.popitem(last=False)
        return result

    def _outputs(self, number: int) -> int:
        return self.circuits[number].circuit.outputs
