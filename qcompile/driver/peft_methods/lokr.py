"""LoKr: C ⊗ D, each a table or a product of two."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import TYPE_CHECKING

from qcompile.driver.peft_methods.method import (
    Config,
    PeftForm,
    PeftMethod,
    PeftModule,
    Piece,
    Seen,
    Shape,
    entry,
    patterned,
    written_number,
)

if TYPE_CHECKING:
    from torch import Tensor


def _read(config: Config, place: PeftModule, tensors: dict[str, Tensor]) -> Piece:
    named, lines, shapes = {}, [], []
    for index, name in (("1", "c"), ("2", "d")):
        whole = tensors.pop(f"lokr_w{index}", None)
        if whole is not None:
            rows, columns = whole.shape
            lines.append(f"{name} = table({rows}, {columns}, init: kaiming_uniform)")
            named[name] = whole
        else:
            b, a = (tensors.pop(f"lokr_w{index}_{it}") for it in "ab")
            rows, columns = b.shape[0], a.shape[1]
            lines += [
                f"b{index} = table({rows}, {b.shape[1]}, init: kaiming_uniform)",
                f"a{index} = table({b.shape[1]}, {columns}, init: kaiming_uniform)",
                f"{name} = linear(b{index}, to: {columns}, weight: transpose(a{index}))",
            ]
            named |= {f"a{index}": a, f"b{index}": b}
        shapes.append((rows, columns))
    rank = patterned(config, "r", "rank_pattern", place.name)
    scale = patterned(config, "alpha", "alpha_pattern", place.name) / rank
    lines.append(
        f"update {written_number(scale)} * linear(x, to: out_features, weight: kron(c, d))"
    )
    (rows1, columns1), (rows2, columns2) = shapes
    return Piece(
        body="\n    " + "\n    ".join(lines),
        tensors=named,
        in_features=columns1 * columns2,
        out_features=rows1 * rows2,
    )


def _forms(seen: Seen) -> Iterator[PeftForm]:
    """peft finds the sizes of both factors from `decompose_factor`, and compares r with them."""
    done = set()
    factors = sorted({extent for shape in seen.trained for extent in shape})
    for factor, both in product((*factors, -1), (False, True)):
        (c_rows, d_rows), (c_columns, d_columns) = (
            factorised(size, factor) for size in (seen.out_features, seen.in_features)
        )
        for rank in (*factors, max(seen.in_features, seen.out_features)):
            shapes: dict[str, Shape] = {}
            for index, rows, columns, may in (
                ("1", c_rows, c_columns, both),
                ("2", d_rows, d_columns, True),
            ):
                if may and rank < max(rows, columns) / 2:
                    shapes[f"lokr_w{index}_a"] = (rows, rank)
                    shapes[f"lokr_w{index}_b"] = (rank, columns)
                else:
                    shapes[f"lokr_w{index}"] = (rows, columns)
            key = tuple(shapes.items())
            if key in done or sorted(shapes.values()) != sorted(seen.trained):
                continue
            done.add(key)
            for scale in seen.reals:
                config = {
                    "r": rank,
                    "alpha": entry(scale * rank),
                    "decompose_factor": factor,
                    "decompose_both": both,
                }
                yield PeftForm(config=config, shapes=shapes)


def factorised(size: int, factor: int) -> tuple[int, int]:
    """peft's two factors of a size, the first near `factor`, or both near the root for -1."""
    if factor > 0 and size % factor == 0:
        return factor, size // factor
    most = size if factor == -1 else factor
    smaller, larger = 1, size
    for candidate in range(2, size + 1):
        if smaller >= larger:
            break
        if size % candidate:
            continue
        if candidate + size // candidate > smaller + larger or candidate > most:
            break
        smaller, larger = candidate, size // candidate
    return min(smaller, larger), max(smaller, larger)


METHODS = {
    "LOKR": PeftMethod(
        name="LoKr",
        read=_read,
        forms=_forms,
        fields=(
            "r alpha init_weights rank_pattern alpha_pattern decompose_both decompose_factor"
            " rank_dropout_scale"
        ),
        patterns={"r": "rank_pattern", "alpha": "alpha_pattern"},
    )
}
