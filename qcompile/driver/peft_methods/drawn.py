"""FourierFT, WaveFT and SHiRA: few numbers at places that torch draws."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from qcompile.driver.peft_methods.method import (
    Config,
    PeftForm,
    PeftMethod,
    PeftModule,
    Piece,
    Seen,
    Unreadable,
    entry,
    written_number,
)
from qcompile.ir.ops.scatter import MAX_SEED, Draw, drawn_places

if TYPE_CHECKING:
    from torch import Tensor

DRAWS: tuple[Draw, ...] = ("torch", "sha256")
"""In the order of what is likely."""
NO_SEED = 67280421310721
"""What a generator of torch starts from that is given no seed."""


def _scatter(count: int, seed: int | None, draw: Draw = "torch") -> list[str]:
    """The vector `c`, and the table with its elements."""
    return [
        f"c = vector({count}, init: zero)",
        f"t = scatter(c, out_features, in_features, seed: {_seed(seed)}, draw: {draw})",
    ]


def _seed(seed: int | None) -> int:
    """torch's generator takes the lower 32 bits."""
    return (NO_SEED if seed is None else seed) % (MAX_SEED + 1)


def _piece(lines: list[str], c: Tensor, place: PeftModule) -> Piece:
    inputs, outputs = place.sizes
    body = "\n    " + "\n    ".join(lines)
    return Piece(body=body, tensors={"c": c}, in_features=inputs, out_features=outputs)


def _read_fourierft(config: Config, place: PeftModule, tensors: dict[str, Tensor]) -> Piece:
    c = tensors.pop("fourierft_spectrum")
    lines = _scatter(len(c), config["random_loc_seed"])
    scale = written_number(config["scaling"])
    lines.append(f"update linear(x, to: out_features, weight: {scale} * ifft2(t))")
    return _piece(lines, c, place)


def _joined(name: str, averages: str, details: str, width: int) -> list[str]:
    """A row of averages and one of details, side by side by turns."""
    both = f"concat({averages} + {details}, {averages} - {details}) / sqrt(2)"
    return [
        f"{name}_both = {both}",
        f"{name} = permute({name}_both, modes: [2, {width // 2}], axes: [1, 0])",
    ]


def _read_waveft(config: Config, place: PeftModule, tensors: dict[str, Tensor]) -> Piece:
    c = tensors.pop("waveft_spectrum")
    lines = _scatter(len(c), config["random_loc_seed"])
    scale = written_number(config["scaling"])
    if not config.get("use_idwt", True):
        lines.append(f"update {scale} * linear(x, to: out_features, weight: t)")
        return _piece(lines, c, place)
    inputs, outputs = place.sizes
    if inputs % 2 or outputs % 2:
        raise Unreadable(f"is of a module {inputs} → {outputs}, and wavelets need even sizes")
    half = inputs // 2
    lines += [
        "columns = transpose(t)",
        f"upper = transpose(columns[:{outputs // 2}])",
        f"lower = transpose(columns[{outputs // 2}:])",
        *_joined("smooth", f"upper[:{half}]", f"lower[:{half}]", inputs),
        *_joined("detail", f"upper[{half}:]", f"lower[{half}:]", inputs),
        "across = transpose(smooth)",
        "down = transpose(detail)",
        *_joined("w", "across", "down", outputs),
        f"update {scale} * linear(x, to: out_features, weight: transpose(w))",
    ]
    return _piece(lines, c, place)


def _read_shira(config: Config, place: PeftModule, tensors: dict[str, Tensor]) -> Piece:
    import torch

    weight, indices = tensors.pop("shira_weight"), tensors.pop("shira_indices")
    inputs, outputs = place.sizes
    found = indices[0].long() * inputs + indices[1].long()
    seed = config.get("random_seed")
    # peft's own draw, and that of a spec which was written as a folder.
    for draw in DRAWS:
        drawn = torch.tensor(drawn_places(inputs * outputs, len(weight), _seed(seed), draw))
        order = drawn.argsort()
        if torch.equal(found, drawn[order]):
            break
    else:
        raise Unreadable("has entries at other places than those that its `random_seed` draws")
    c = torch.empty_like(weight)
    c[order] = weight
    lines = _scatter(len(c), seed, draw)
    return _piece([*lines, "update linear(x, to: out_features, weight: t)"], c, place)


def _spectra(name: str, more: tuple[dict[str, Any], ...]) -> Any:
    def _forms(seen: Seen) -> Iterator[PeftForm]:
        for count, *rest in seen.trained[:1]:
            if rest:
                continue
            for seed in seen.seeds.get("torch", ()):
                for scale in seen.reals:
                    for settings in more:
                        yield PeftForm(
                            config={
                                "n_frequency": count,
                                "scaling": entry(scale),
                                "random_loc_seed": seed,
                                **settings,
                            },
                            shapes={name: (count,)},
                        )

    return _forms


def _forms_of_shira(seen: Seen) -> Iterator[PeftForm]:
    import torch

    total = seen.in_features * seen.out_features
    for count, *rest in seen.trained[:1]:
        rank, left = divmod(count, seen.in_features + seen.out_features)
        if rest or left or count > total:
            continue
        for draw, seed in ((it, seed) for it in DRAWS for seed in seen.seeds.get(it, ())):
            places = torch.tensor(drawn_places(total, count, seed, draw)).sort().values
            rows = torch.stack((places // seen.in_features, places % seen.in_features))
            yield PeftForm(
                config={"r": rank, "random_seed": seed},
                shapes={"shira_weight": (count,)},
                given={"shira_indices": rows.int()},
            )


METHODS = {
    "SHIRA": PeftMethod(
        name="SHiRA",
        read=_read_shira,
        forms=_forms_of_shira,
        fields="r random_seed fan_in_fan_out init_weights",
        fixed={"mask_type": ("random",)},
        integers=("shira_indices",),
        needs_model=True,
    ),
    "FOURIERFT": PeftMethod(
        name="FourierFT",
        read=_read_fourierft,
        forms=_spectra("fourierft_spectrum", ({},)),
        fields=(
            "n_frequency scaling random_loc_seed n_frequency_pattern fan_in_fan_out init_weights"
        ),
        needs_model=True,
        patterns={"n_frequency": "n_frequency_pattern"},
    ),
    "WAVEFT": PeftMethod(
        name="WaveFT",
        read=_read_waveft,
        forms=_spectra("waveft_spectrum", ({}, {"use_idwt": False})),
        fields=(
            "n_frequency scaling use_idwt random_loc_seed n_frequency_pattern"
            " proportional_parameters fan_in_fan_out init_weights"
        ),
        fixed={"wavelet_family": ("db1",)},
        needs_model=True,
        patterns={"n_frequency": "n_frequency_pattern"},
    ),
}
