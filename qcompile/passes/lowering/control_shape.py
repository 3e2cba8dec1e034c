"""How many parameters of a classical control go where; counting only."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

MOST_LAYERS = 4
"""As many as QTHA's own control BF has (arXiv:2503.12790); deeper ones are wider instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlShape:
    """A classical map with a given number of parameters.

    The data, or the latent vector where there are none, are folded, multiplied by 1 + gains, and go
    through the dense layers, each with a bias on its first outputs and SiLU. Without any dense
    layer the bias and SiLU act on the data. Without any parameter the map is the cosine.
    """

    outputs: int
    latent: int
    """Elements of a trainable vector in place of data."""
    folded: int | None
    """Width to which the data are folded; None: they stay as they are."""
    gains: int
    """Trainable factors, of the first elements."""
    dense: tuple[tuple[int, int], ...]
    """(inputs, outputs) of each dense layer."""
    biases: tuple[int, ...]
    """Trainable summands of each layer, those of its first outputs; one entry without layers."""

    @property
    def parameters(self) -> int:
        weights = sum(inputs * outputs for inputs, outputs in self.dense)
        return self.latent + self.gains + weights + sum(self.biases)


def control_shape(*, data: int, outputs: int, parameters: int, latent: int) -> ControlShape:
    """A map from `data` to `outputs` values with exactly that many parameters.

    1. Without data there is a latent vector of `latent` elements (as many as parameters at most).
    2. Data wider than the outputs are folded to the outputs' width, unless the parameters suffice
       for dense layers data → outputs → outputs without that.
    3. Four dense layers, or else three, with hidden layers no narrower than data and outputs, or
       else two, with a hidden layer of any width. Hidden layers are as wide as the parameters
       allow. With d = m = r and 4 r², 3 r², 2 r² parameters these are QTHA's BF, BE and BD.
    4. What is left are biases of the layers in order, then gains of the data.
    """
    latent = min(latent, parameters) if data == 0 else 0
    width = data or latent
    left = parameters - latent
    folded = None
    if width == 0 or (width > outputs and left < outputs * (width + outputs)):
        folded = outputs
    hidden = _hidden(folded or width, outputs, left)
    if not hidden and width != outputs:
        folded = outputs
    if folded == width:
        folded = None
    width = folded or width
    sizes = (width, *hidden, outputs) if hidden else (width,)
    dense = tuple(pairwise(sizes))
    left -= sum(inputs * to for inputs, to in dense)
    biases = []
    for size in sizes[1:] or sizes:
        biases.append(min(size, left))
        left -= biases[-1]
    assert 0 <= left <= width, "the hidden layers are as wide as they can be"
    return ControlShape(
        outputs=outputs,
        latent=latent,
        folded=folded,
        gains=left,
        dense=dense,
        biases=tuple(biases),
    )


def _hidden(inputs: int, outputs: int, parameters: int) -> tuple[int, ...]:
    """Widths of the hidden layers; none where not even one unit of two layers fits."""
    for layers in range(MOST_LAYERS, 1, -1):
        least = 1 if layers == 2 else max(inputs, outputs)
        if _weights(inputs, [least] * (layers - 1), outputs) <= parameters:
            return _widened(inputs, [least] * (layers - 1), outputs, parameters)
    return ()


def _widened(inputs: int, hidden: list[int], outputs: int, parameters: int) -> tuple[int, ...]:
    """All hidden layers equally wide, then one unit more for each that it fits, in order."""
    low, high = hidden[0], parameters + 1
    while high - low > 1:
        middle = (low + high) // 2
        if _weights(inputs, [middle] * len(hidden), outputs) <= parameters:
            low = middle
        else:
            high = middle
    found = [low] * len(hidden)
    for index in range(len(found)):
        wider = [*found[:index], found[index] + 1, *found[index + 1 :]]
        if _weights(inputs, wider, outputs) <= parameters:
            found = wider
    return tuple(found)


def _weights(inputs: int, hidden: list[int], outputs: int) -> int:
    sizes = [inputs, *hidden, outputs]
    return sum(a * b for a, b in pairwise(sizes))
