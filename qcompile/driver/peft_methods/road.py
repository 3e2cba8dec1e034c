"""RoAd: pairs of outputs turned and stretched, with one, two or four numbers of each kind."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from qcompile.driver.peft_methods.method import (
    Config,
    PeftForm,
    PeftMethod,
    PeftModule,
    Piece,
    Seen,
)

if TYPE_CHECKING:
    from torch import Tensor

COUNTS = {"road_1": 1, "road_2": 2, "road_4": 4}
"""Angles of a pair, by variant."""


def _read(config: Config, place: PeftModule, tensors: dict[str, Tensor]) -> Piece:
    theta, alpha = tensors.pop("road_theta"), tensors.pop("road_alpha")
    size, count = config["group_size"], COUNTS[config["variant"]]
    out = 2 * theta.numel() // count
    groups, half = out // size, size // 2
    lines = [
        f"sorted = permute(y, modes: [{groups}, 2, {half}], axes: [1, 0, 2])",
        f"first = sorted[:{out // 2}]",
        f"second = sorted[{out // 2}:]",
    ]
    if count == 1:
        named = {"theta": theta, "alpha": alpha}
        along, across, width = ("theta", "alpha"), ("theta", "alpha"), out // 2
    else:
        # Those of the diagonal, and those beside it, in groups like the outputs.
        parts = (theta.reshape(-1, count // 2, size), alpha.reshape(-1, count // 2, size))
        kinds = ("along", "across")[: count // 2]
        named = {
            f"{name}_{kind}": part[:, index].flatten()
            for name, part in zip(("theta", "alpha"), parts, strict=True)
            for index, kind in enumerate(kinds)
        }
        along, across = ((f"theta_{kind}", f"alpha_{kind}") for kind in (kinds[0], kinds[-1]))
        width = out
    for name in named:
        start = "zero" if name.startswith("theta") else "constant(1)"
        lines.append(f"{name} = vector({width}, init: {start})")
    lines += [f"d = {along[1]} * cos({along[0]})", f"e = {across[1]} * sin({across[0]})"]
    if count == 1:
        lines += [
            "turned = concat(first * d - second * e, second * d + first * e)",
            f"replace permute(turned, modes: [2, {groups}, {half}], axes: [1, 0, 2])",
        ]
    else:
        lines += [
            "swapped = concat(0 - second, first)",
            f"across = permute(swapped, modes: [2, {groups}, {half}], axes: [1, 0, 2])",
            "replace y * d + across * e",
        ]
    return Piece(body="\n    " + "\n    ".join(lines), tensors=named, out_features=out)


def _forms(seen: Seen) -> Iterator[PeftForm]:
    total = sum(shape[0] for shape in seen.trained if len(shape) == 1)
    for variant, count in COUNTS.items():
        if total != count * seen.out_features:
            continue
        shape = (total // 2,)
        for size in sorted({seen.out_features, *(2 * it for it in seen.integers)}):
            if size >= 2 and seen.out_features % size == 0:
                yield PeftForm(
                    config={"variant": variant, "group_size": size},
                    shapes={"road_theta": shape, "road_alpha": shape},
                )


METHODS = {
    "ROAD": PeftMethod(
        name="RoAd",
        read=_read,
        forms=_forms,
        fields="variant group_size init_weights",
        fixed={"variant": tuple(COUNTS)},
    )
}
