"""What mitigation takes away of a device's noise: the table of docs/running.md.

    python benchmarks/mitigation.py

Circuits of 4 qubits (ring and brickwork, 2 and 4 layers, random trained angles), routed for a
device whose noise Aer simulates exactly: the mean of |value - ideal value| over 8 inputs.
"""

from __future__ import annotations

import warnings

import torch

import qcompile

SOURCE = """qa 1
target double {{ dtype: float64 }}
adapter small() on double {{
    shape 4 -> 4
    q = circuit(4 qubits) {{
        encode angle(x, gate: ry)
        repeat {layers} {{
            rot
            {entangler}
        }}
        ry
        measure z
    }}
    update q
}}
"""

WAYS: tuple[tuple[str, ...], ...] = (
    (),
    ("readout",),
    ("zne",),
    ("twirling",),
    ("readout", "zne"),
    ("readout", "twirling"),
    ("readout", "zne", "twirling"),
    ("decoupling",),
    ("readout", "decoupling"),
)


def main() -> None:
    warnings.simplefilter("ignore")
    x = torch.linspace(-1.5, 1.5, 32, dtype=torch.float64).reshape(8, 4)
    for device in ("fake_torino", "fake_sherbrooke"):
        errors: dict[tuple[str, ...], list[float]] = {way: [] for way in WAYS}
        for entangler in ("cx ring", "cz brickwork"):
            for layers in (2, 4):
                adapter = qcompile.compile(SOURCE.format(layers=layers, entangler=entangler))
                torch.manual_seed(layers)
                with torch.no_grad():
                    for parameter in adapter.parameters():
                        parameter.uniform_(-1.5, 1.5)
                    ideal = adapter(x)
                    for way in WAYS:
                        found = adapter.on(device, mitigate=list(way))(x)
                        errors[way].append(float((found - ideal).abs().mean()))
                    adapter.on("simulator")
        for way, found in errors.items():
            print(f"{device:16} {', '.join(way) or 'none':24} {sum(found) / len(found):.4f}")


if __name__ == "__main__":
    main()
