"""QA428x: training under a device's own noise."""

from __future__ import annotations

from qcompile.diagnostics.message import Message, message


@message(
    "QA4280",
    "target `{name}` has the noise of its device, and names none",
    label="of which device?",
    help='add `device: "fake_torino"`, or write the rates: `noise: {{ two_qubit: 1pct }}`',
)
class NoiseOfNoDevice(Message):
    """`noise: device` simulates the noise of the device that the target names, on the circuits that
    are routed for it.

    Erroneous:  target t { noise: device }
    Corrected:  target t { device: "fake_torino", noise: device }
    """

    name: str


@message(
    "QA4281",
    "no calibration is known of device `{device}`, so it has no noise to simulate",
    label="the noise of this device",
    help="choose a calibrated device, or write the rates: `noise: {{ two_qubit: 1pct }}`",
)
class NoCalibration(Message):
    """The noise of a device is made of its calibration: errors and durations of its gates, T1 and
    T2 of its qubits, errors of reading. A coupling map has none of these.

    Erroneous:  target t { device: line(5), noise: device }
    Corrected:  target t { device: "fake_torino", noise: device }
    """

    device: str


@message(
    "QA4282",
    "a circuit that starts in an amplitude-encoded state is not routed onto `{device}`, whose noise"
    " it is to be simulated with",
    label="needs the gates of every circuit",
    help="encode by rotations, or write the rates: `noise: {{ two_qubit: 1pct }}`",
)
class NoiseOfAmplitudes(Message):
    """The noise of a device comes with the gates of the routed circuit. Amplitude encoding has no
    gates until its data are known.

    Erroneous:  encode amplitude(h)              for a target with `noise: device`
    Corrected:  encode angle(h, gate: ry)
    """

    device: str
