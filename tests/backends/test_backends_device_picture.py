"""Pictures of coupling maps: every qubit and coupling once, where it belongs, in its colour."""

from __future__ import annotations

import math
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest

from qcompile.backends.devices import device_of, synthetic_device
from qcompile.backends.devices.layout import qubit_positions
from qcompile.backends.devices.picture import COLOURS, RADIUS, UNKNOWN, device_svg
from qcompile.ir.device import Device

SVG = "{http://www.w3.org/2000/svg}"


def device(name: str) -> Device:
    found = device_of(name)
    assert found is not None
    return found


class Picture:
    """What a picture shows, by qubits."""

    def __init__(self, shown: Device) -> None:
        self.root = ET.fromstring(device_svg(shown))
        groups = {group.get("id"): group for group in self.root.findall(f"{SVG}g")}
        self.legend = [text.text for text in groups["legend"].iter(f"{SVG}text")]
        self.qubits = {int(item.get("data-qubit", "")): item for item in groups["qubits"]}
        self.couplings = {
            tuple(map(int, item.get("data-qubits", "").split())): item
            for item in groups["couplings"]
        }

    def place(self, qubit: int) -> tuple[float, float]:
        circle = self.circle(qubit)
        return float(circle.get("cx", "")), float(circle.get("cy", ""))

    def circle(self, qubit: int) -> ET.Element:
        (circle,) = self.qubits[qubit].iter(f"{SVG}circle")
        return circle

    def title(self, item: ET.Element) -> str:
        (title,) = item.iter(f"{SVG}title")
        return title.text or ""

    def arrows(self) -> int:
        return len(list(self.root.iter(f"{SVG}path")))


@pytest.mark.parametrize(
    "name", ["fake_torino", "fake_sherbrooke", "fake_melbourne", "grid(3, 4)", "full(8)", "line(1)"]
)
def test_every_qubit_and_coupling_is_there_and_apart(name: str) -> None:
    shown = device(name)
    picture = Picture(shown)
    assert sorted(picture.qubits) == list(range(shown.qubits))
    assert tuple(sorted(picture.couplings)) == shown.edges
    places = [picture.place(qubit) for qubit in range(shown.qubits)]
    pairs = [(a, b) for i, a in enumerate(places) for b in places[:i]]
    # No circle lies on another one.
    assert all(math.dist(a, b) > 2 * RADIUS for a, b in pairs)
    width, height = float(picture.root.get("width", "")), float(picture.root.get("height", ""))
    for x, y in places:
        assert RADIUS <= x <= width - RADIUS and 100 <= y <= height - RADIUS
    for (first, second), item in picture.couplings.items():
        (line,) = item.iter(f"{SVG}line")
        ends = [float(line.get(key, "")) for key in ("x1", "y1", "x2", "y2")]
        assert ends == [*places[first], *places[second]]


def test_places_are_those_on_the_chip_where_they_are_known() -> None:
    torino = device("fake_torino")
    points = qubit_positions(torino)
    assert points[:2] == ((1.0, 1.0), (2.0, 1.0)) and len(set(points)) == 133
    # One of the same lattice, under another name and without its file.
    assert qubit_positions(replace(torino, name="lab")) == points
    assert all(math.dist(points[a], points[b]) == 1.0 for a, b in torino.edges)


def test_lattices_are_drawn_upright_and_without_crossings() -> None:
    points = qubit_positions(device("grid(3, 4)"))
    for row in range(3):
        for column in range(4):
            x, y = points[4 * row + column]
            assert abs(x - column) < 0.25 and abs(y - row) < 0.25


def test_parts_without_a_coupling_between_them_stand_beside_each_other() -> None:
    apart = replace(device("line(6)"), edges=((0, 1), (1, 2), (4, 5)))
    points = qubit_positions(apart)
    assert max(x for x, _ in points[:3]) < min(x for x, _ in points[4:])
    assert points[3][1] > max(y for _, y in (*points[:3], *points[4:]))


def test_colours_are_those_of_the_errors() -> None:
    even = synthetic_device(device("line(3)"), spread=0.0)
    errors = {(0,): 1e-4, (1,): 1e-4, (2,): 1e-4, (0, 1): 0.001, (1, 2): 0.1}
    shown = replace(
        even,
        gate_errors=tuple(sorted(errors.items())),
        readout_errors=((0.01, 0.03), (0.2, 0.2), (0.02, 0.02)),
        calibrated="2026-04-17",
    )
    picture = Picture(shown)
    assert [picture.couplings[edge].get("fill") for edge in shown.edges] == [
        COLOURS[0],
        COLOURS[-1],
    ]
    fills = [picture.circle(qubit).get("fill") for qubit in range(3)]
    assert fills == [COLOURS[0], COLOURS[-1], COLOURS[0]]
    assert {"0.001", "median 0.051", "0.1"} <= set(picture.legend)
    assert "calibrated 2026-04-17" in "".join(picture.root.itertext())
    assert "reads 1 of 0: 0.01, 0 of 1: 0.03" in picture.title(picture.qubits[0])
    assert "T1 200 µs" in picture.title(picture.qubits[0])
    assert "cz 0 → 1: error 0.005, 68 ns" in picture.title(picture.couplings[0, 1])


def test_what_is_unknown_or_does_not_work_is_seen() -> None:
    ideal = Picture(device("ring(4)"))
    assert {item.get("fill") for item in ideal.couplings.values()} == {UNKNOWN}
    assert ideal.legend.count("unknown") == 2
    torino = Picture(device("fake_torino"))
    assert "not used" in torino.title(torino.qubits[86])
    assert torino.circle(86).get("stroke-dasharray") and not torino.circle(85).get("stroke")


def test_arrows_show_directions() -> None:
    assert Picture(device("fake_torino")).arrows() == 0
    assert Picture(device("fake_sherbrooke")).arrows() == 135
    picture = Picture(device("fake_sherbrooke"))
    assert "ecr 1 → 0" in picture.title(picture.couplings[0, 1])
    # Qubit 1 is to the right of qubit 0, and the gate's first.
    (arrow,) = picture.couplings[0, 1].iter(f"{SVG}path")
    assert "rotate(180.0)" in arrow.get("transform", "")


def test_names_are_written_as_text() -> None:
    text = device_svg(replace(device("line(2)"), name="a<b>&c"))
    assert ET.fromstring(text) is not None and "a&lt;b&gt;&amp;c" in text
