"""The circuits of `python -m benchmarks peers`, as data: contestants build them in their own ways.

Needs Python alone, since it is read in the environments of all peers.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Step:
    """A gate: `ry` of data or of an angle, `rot` (RZ, RY, RZ of three angles), `crz`, `cx`."""

    gate: str
    wires: tuple[int, ...]
    data: int | None = None
    angle: int | None = None
    """The first of its trainable angles."""


@dataclass(frozen=True, kw_only=True)
class Work:
    """data (batch, width), angles (angles,) → ⟨Z⟩ of all qubits, qubit 0 the most significant."""

    name: str
    title: str
    qubits: int
    batch: int
    amplitudes: bool
    """Whether 2^qubits data are the state at the start; else they are the angles of `ry`."""
    steps: tuple[Step, ...]
    source: str
    """The same in qcompile's language."""

    @property
    def width(self) -> int:
        return int(2**self.qubits) if self.amplitudes else self.qubits

    @property
    def angles(self) -> int:
        size = {"rot": 3}
        return sum(size.get(s.gate, 1) for s in self.steps if s.angle is not None)


SOURCE = """qa 1

adapter bench() {{
    shape {width} -> {qubits}
    q = circuit({qubits} qubits) {{
{body}
        measure z
    }}
    update q
}}
"""


def hardware_efficient(name: str, qubits: int, depth: int, batch: int, amplitudes: bool) -> Work:
    """An encoding, then layers of a general rotation on every qubit and a ring of CX."""
    steps: list[Step] = []
    if not amplitudes:
        steps += [Step(gate="ry", wires=(q,), data=q) for q in range(qubits)]
    angle = 0
    for _ in range(depth):
        for q in range(qubits):
            steps.append(Step(gate="rot", wires=(q,), angle=angle))
            angle += 3
        steps += [Step(gate="cx", wires=(q, (q + 1) % qubits)) for q in range(qubits)]
    start = "encode amplitude(x)" if amplitudes else "encode angle(x, gate: ry)"
    body = f"{start}\nrepeat {depth} {{\n    rot\n    cx ring\n}}"
    title = "amplitudes" if amplitudes else "rot"
    return _work(name, f"{title} n={qubits} d={depth}", qubits, batch, amplitudes, steps, body)


def uploading(name: str, qubits: int, layers: int, batch: int) -> Work:
    """The circuit of arXiv:2503.12790, which takes the data in every layer."""
    steps: list[Step] = []
    angle = 0
    for _ in range(layers):
        steps += [Step(gate="ry", wires=(q,), data=q) for q in range(qubits)]
        for by in (1, -1):
            for gate in ("crz", "ry"):
                for q in range(qubits):
                    wires = (q, (q + by) % qubits) if gate == "crz" else (q,)
                    steps.append(Step(gate=gate, wires=wires, angle=angle))
                    angle += 1
    rings = "crz ring\n    ry\n    crz ring reversed\n    ry"
    body = f"repeat {layers} {{\n    encode angle(x, gate: ry)\n    {rings}\n}}"
    return _work(name, f"QTHA n={qubits} L={layers}", qubits, batch, False, steps, body)


def _work(
    name: str,
    title: str,
    qubits: int,
    batch: int,
    amplitudes: bool,
    steps: list[Step],
    body: str,
) -> Work:
    width = 2**qubits if amplitudes else qubits
    indented = "\n".join(" " * 8 + line for line in body.splitlines())
    return Work(
        name=name,
        title=f"{title}, B={batch}",
        qubits=qubits,
        batch=batch,
        amplitudes=amplitudes,
        steps=tuple(steps),
        source=SOURCE.format(width=width, qubits=qubits, body=indented),
    )


WORKS = {
    work.name: work
    for work in (
        hardware_efficient("rot4", 4, 2, 2048, amplitudes=False),
        hardware_efficient("rot8", 8, 2, 2048, amplitudes=False),
        hardware_efficient("rot12", 12, 2, 256, amplitudes=False),
        hardware_efficient("amplitude10", 10, 2, 512, amplitudes=True),
        uploading("qtha4", 4, 4, 2048),
        uploading("qtha8", 8, 8, 2048),
    )
}
