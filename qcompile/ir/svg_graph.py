"""The graph of a Program or Plan as a drawing in SVG, to stand inside a page."""

from __future__ import annotations

from html import escape

from qcompile.ir.node import Node
from qcompile.ir.plan import Plan
from qcompile.ir.program import Program

MOST_NODES = 200
"""Larger graphs are not drawn: nobody could read them."""

_FILLS = {"circuit": "#4c78a8", "network": "#e0a030", "plain": "#888888"}
_LETTER, _HEIGHT, _GAP_X, _GAP_Y, _MARGIN = 7, 36, 40, 14, 8


def graph_svg(value: Program | Plan) -> str:
    """One box a node, from left to right; empty where the graph is too large to be drawn."""
    count = len(value.nodes)
    if count > MOST_NODES:
        return ""
    operands = [node.inputs for node in value.nodes]
    columns: list[int] = []
    for parts in operands:
        columns.append(max((columns[part] + 1 for part in parts), default=0))
    texts = [node.label for node in value.nodes]
    widths = [_LETTER * (max(len(text), 4) + 2) for text in texts]
    wide = [0] * (max(columns) + 1)
    for column, width in zip(columns, widths, strict=True):
        wide[column] = max(wide[column], width)
    lefts = [_MARGIN]
    for width in wide:
        lefts.append(lefts[-1] + width + _GAP_X)
    rows = [0] * len(wide)
    tops: list[int] = []
    for column in columns:
        tops.append(_MARGIN + rows[column] * (_HEIGHT + _GAP_Y))
        rows[column] += 1
    boxes, edges = [], []
    for index in range(count):
        left, top = lefts[columns[index]], tops[index]
        for part in dict.fromkeys(operands[index]):
            start = lefts[columns[part]] + widths[part]
            edges.append(_edge(start, tops[part] + _HEIGHT // 2, left, top + _HEIGHT // 2))
        boxes.append(_box(left, top, widths[index], texts[index], value.nodes[index]))
    end_x = lefts[columns[value.result]] + widths[value.result]
    end_y = tops[value.result] + _HEIGHT // 2
    edges.append(_edge(end_x, end_y, end_x + _GAP_X, end_y))
    boxes.append(_text(end_x + _GAP_X + 4, end_y + 4, value.mode, "start"))
    size_x = max(lefts[-1], end_x + 2 * _GAP_X + _LETTER * len(value.mode)) + _MARGIN
    size_y = max(rows) * (_HEIGHT + _GAP_Y) + 2 * _MARGIN
    return drawing(size_x, size_y, [*edges, *boxes])


def drawing(width: int, height: int, parts: list[str]) -> str:
    """An SVG element of its natural size; text and lines have the colour of the page's text."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}"'
        f' viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="11"'
        f' fill="currentColor" stroke="none">{"".join(parts)}</svg>'
    )


def _edge(x1: int, y1: int, x2: int, y2: int) -> str:
    middle = (x1 + x2) // 2
    return (
        f'<path d="M{x1} {y1} C{middle} {y1} {middle} {y2} {x2} {y2}" fill="none"'
        ' stroke="currentColor" stroke-opacity="0.5"/>'
    )


def _box(left: int, top: int, width: int, text: str, node: Node) -> str:
    fill = _FILLS[node.FAMILY]
    middle = left + width // 2
    return (
        f'<rect x="{left}" y="{top}" width="{width}" height="{_HEIGHT}" rx="4"'
        f' fill="{fill}" fill-opacity="0.25" stroke="{fill}"/>'
        f"{_text(middle, top + 15, text)}{_text(middle, top + 29, str(node.width))}"
    )


def _text(x: int, y: int, text: str, anchor: str = "middle") -> str:
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}">{escape(text)}</text>'
