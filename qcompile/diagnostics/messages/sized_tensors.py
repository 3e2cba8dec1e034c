"""QA313x: axes of tensor gates and blocks of orthogonal maps, at the sizes of a module."""

from __future__ import annotations

from qcompile.diagnostics.message import message
from qcompile.diagnostics.messages.tensors import blocks_that_fit
from qcompile.diagnostics.sized import SizedMessage


@message(
    "QA3131",
    "modes {modes} hold {product} elements, but the {what} has {width}",
    label="too small",
    help="give `sites` instead, and modes are found for any width",
)
class AxesTooSmallAtSize(SizedMessage):
    """Tensor gates act on one set of axes, which holds both the value and the result. Their product
    must be at least the larger of the two widths; what is above a width is padded or cut.

    Erroneous:  attach "*.up_proj"
                u = tensor_gates(x, to: out_features, modes: [8, 16])           (for 128 -> 344)
    Corrected:  attach "*.up_proj"
                u = tensor_gates(x, to: out_features, sites: 3)
    """

    modes: tuple[int, ...]
    product: int
    what: str
    """`value` or `result`."""
    width: int


@message(
    "QA3132",
    "a value {width} wide cannot be divided into blocks of {block}",
    label="{width} is no multiple of {block}",
)
class BlocksDoNotFitAtSize(SizedMessage):
    """
    Operations such as `cayley` multiply every block of neighbouring elements by a matrix of its
    own, so the blocks must fill the value.

    Erroneous:  attach "*.up_proj"
                update cayley(y, block: 16) - y        (for 128 -> 344)
    Corrected:  attach "*.up_proj"
                update cayley(y, block: 8) - y
    """

    block: int
    width: int

    def helps(self) -> tuple[str, ...]:
        return blocks_that_fit(self.width, self.block)


@message(
    "QA3133",
    "`base` takes a value {in_features} wide, not {width}",
    label="{width} wide",
)
class BaseWidth(SizedMessage):
    """`base(v)` is what the frozen module gives for another input, so v must be as wide as `x`.

    Erroneous:  update base(resize(x, 8)) - y              (for 128 -> 64)
    Corrected:  update base(resize(x, in_features)) - y
    """

    width: int
    in_features: int


@message(
    "QA3134",
    "modes {modes} hold {product} elements, but the value has {width}",
    label="product {product}",
)
class ModesDoNotFill(SizedMessage):
    """`permute` takes a value as a tensor, so the product of the modes is the width of the value.

    Erroneous:  u = permute(x, modes: [4, 8], axes: [1, 0])             (for a value 128 wide)
    Corrected:  u = permute(x, modes: [in_features // 8, 8], axes: [1, 0])
    """

    modes: tuple[int, ...]
    product: int
    width: int


@message(
    "QA3135",
    "axes {axes} are not the {count} axes of the value, each once",
    label="gives the axes",
)
class AxesAtSize(SizedMessage):
    """`axes` of `permute` names every axis once, from 0. Here they depend on the module's sizes.

    Erroneous:  attach "*.q_proj"
                u = permute(x, modes: [2, in_features // 2], axes: [in_features // in_features, 1])
    Corrected:  attach "*.q_proj"
                u = permute(x, modes: [2, in_features // 2], axes: [1, 0])
    """

    axes: tuple[int, ...]
    count: int


@message(
    "QA3136",
    "{count} elements cannot be taken from a value {width} wide",
    label="{count} of {width}",
)
class TooFewElements(SizedMessage):
    """`gather(v, n)` takes n different elements of v, and `top(v, n)` the n largest.

    Erroneous:  h = gather(x, 2 * in_features)
    Corrected:  h = gather(x, in_features // 2)
    """

    count: int
    width: int


@message(
    "QA3137",
    "`{init}` starts a tensor of {wanted}, not one of {shape}",
    label="a tensor of {shape}",
)
class StartsFromModule(SizedMessage):
    """Initialisations from the module whose names end in `_rows` are r rows as wide as its input,
    the weight of `linear(x, to: r)`; those that end in `_columns` are r columns as long as its
    output, the weight of `linear(h, to: out_features)`. Each module has its own, so that they are
    not shared. r is at most the smaller width; of a gradient, which gives 2 r, half of it.

    Erroneous:  attach "*.q_proj"
                h = linear(x, to: 8, init: principal_columns)
    Corrected:  attach "*.q_proj"
                h = linear(x, to: 8, init: principal_rows)
    """

    init: str
    shape: str
    wanted: str


@message(
    "QA3138",
    "a value {width} wide cannot be cut into {groups} equal parts",
    label="{width} is no multiple of {groups}",
)
class GroupsDoNotDivide(SizedMessage):
    """`groups: n` of `sum`, `mean`, `norm`, `softmax`, `layer_norm` and `rms_norm` takes the value
    as n parts in a row that are equally wide.

    Erroneous:  h = norm(y, groups: 7)                                  (for a value 128 wide)
    Corrected:  h = norm(y, groups: out_features // 16)
    """

    width: int
    groups: int


@message(
    "QA3139",
    "`{init}` is {found}, and the tensor {wanted}",
    label="a tensor {wanted}",
)
class FileHasAnotherShape(SizedMessage):
    """A tensor of a file has the shape of the one that starts from it: the weight of `linear(x, to:
    r)` has r rows that are as wide as x, a table as many as it says.

    Erroneous:  t = linear(x, to: 8, init: file("table_2_by_4.npy"))
    Corrected:  t = linear(flat(table(2, 2)), to: 2, init: file("table_2_by_4.npy"))
    """

    init: str
    found: str
    wanted: str
