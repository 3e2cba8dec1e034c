"""Targets: fields, noise and devices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import cast

from qcompile.diagnostics.messages.noise import NoCalibration, NoiseOfNoDevice
from qcompile.diagnostics.messages.services import (
    MitigatedNowhere,
    NoDeviceToRunOn,
    ReadingsNotUndone,
)
from qcompile.diagnostics.messages.targets import FieldTwice, NothingToMitigate, UnknownField
from qcompile.diagnostics.messages.types import Misplaced
from qcompile.grammar.elaborate import expect
from qcompile.grammar.elaborate.arguments import choose
from qcompile.grammar.elaborate.devices import read_device
from qcompile.grammar.elaborate.frame import Frame
from qcompile.grammar.functions import COPIES_FIELDS, NOISE_FIELDS, TARGET_FIELDS, TargetField
from qcompile.grammar.syntax import Expr, Field, ListExpr, Name, RecordExpr, TargetItem
from qcompile.ir.extensions import ExtensionError
from qcompile.ir.limits import DEFAULT_BOND, MAX_BOND
from qcompile.ir.target import (
    MITIGATIONS,
    CalibratedNoise,
    Copies,
    DeviceChoice,
    DType,
    NamedDevice,
    NoiseModel,
    Objective,
    RunMitigation,
    Target,
    can_be_undone,
)

MAX_SHOTS = 10**9
MAX_COPIES = 10**6


def read_target(frame: Frame, item: TargetItem) -> Target | None:
    """Elaborate a target; None where it has errors."""
    before = frame.session.errors
    fields = _fields(frame, item.fields, TARGET_FIELDS, "a target")
    device: DeviceChoice | None = None
    if "device" in fields:
        device = read_device(frame, fields["device"])
    shots: int | None = None
    if "shots" in fields:
        shots = expect.known_integer(frame, fields["shots"], "`shots`", low=1, high=MAX_SHOTS)
    bond: int | None = DEFAULT_BOND
    if "bond" in fields:
        bond = expect.known_integer(frame, fields["bond"], "`bond`", low=1, high=MAX_BOND)
    noise = _noise(frame, fields["noise"]) if "noise" in fields else None
    words = {field.name: _word(frame, fields, field) for field in TARGET_FIELDS if field.choices}
    wanted = _mitigations(frame, fields["mitigate"]) if "mitigate" in fields else ()
    copies = _copies(frame, fields["copies"]) if "copies" in fields else None
    if frame.session.errors > before or bond is None:
        return None
    if isinstance(noise, CalibratedNoise) and not isinstance(device, NamedDevice):
        place = fields["noise"].span
        if device is None:
            frame.report(NoiseOfNoDevice(span=place, name=item.name.text))
        else:
            frame.report(NoCalibration(span=place, device=device.label))
        return None
    noisy = isinstance(noise, NoiseModel) and any(noise.readout)
    if "readout" in wanted and not noisy and device is None:
        place = fields["mitigate"].span
        frame.report(NothingToMitigate(span=place, name=item.name.text))
    if "readout" in wanted and isinstance(noise, NoiseModel) and not can_be_undone(noise.readout):
        place = fields["mitigate"].span
        frame.report(ReadingsNotUndone(span=place, what="a qubit"))
        return None
    on_device = tuple(name for name in wanted if name != "readout")
    if on_device and not isinstance(device, NamedDevice):
        place = fields["mitigate"].span
        frame.report(MitigatedNowhere(span=place, name=item.name.text, mitigation=on_device[0]))
    if copies is not None and not isinstance(device, NamedDevice):
        place = fields["copies"].span
        frame.report(MitigatedNowhere(span=place, name=item.name.text, mitigation="copies"))
    if "optimise" not in fields and isinstance(device, NamedDevice):
        words["optimise"] = "fidelity"
    if words["run"] == "device" and not isinstance(device, NamedDevice):
        place = fields["run"].span
        frame.report(NoDeviceToRunOn(span=place, name=item.name.text))
        return None
    return Target(
        name=item.name.text,
        device=device,
        dtype=cast(DType, words["dtype"]),
        shots=shots,
        noise=noise,
        optimise=cast(Objective, words["optimise"]),
        mitigate="readout" if "readout" in wanted else "none",
        mitigate_runs=cast(tuple[RunMitigation, ...], on_device),
        evaluator=words["evaluator"],
        bond=bond,
        run="device" if words["run"] == "device" else "simulator",
        copies=copies,
        span=item.span,
        places=tuple((name, expr.span) for name, expr in fields.items()),
    )


def _fields(
    frame: Frame, fields: Sequence[Field], known: tuple[TargetField, ...], owner: str
) -> dict[str, Expr]:
    names = [field.name for field in known]
    found: dict[str, Field] = {}
    for field in fields:
        name = field.name.text
        if name not in names:
            near = frame.session.nearest(name, names)
            place = field.name.span
            frame.report(UnknownField(span=place, owner=owner, name=name, candidates=near))
        elif name in found:
            frame.report(FieldTwice(span=field.span, name=name, first=found[name].span))
        else:
            found[name] = field
    return {name: field.value for name, field in found.items()}


def _mitigations(frame: Frame, expr: Expr) -> tuple[str, ...]:
    """One name, or a list of them; `none` alone."""
    if isinstance(expr, ListExpr):
        names = (choose(frame, item, "`mitigate`", MITIGATIONS) for item in expr.items)
    else:
        names = (choose(frame, expr, "`mitigate`", ("none", *MITIGATIONS)) for _ in range(1))
    return tuple(dict.fromkeys(name for name in names if name not in (None, "none") and name))


def _copies(frame: Frame, expr: Expr) -> Copies | None:
    """A number, `all`, or a record."""
    if isinstance(expr, Name) and expr.text == "all":
        return Copies()
    if not isinstance(expr, RecordExpr):
        most = expect.known_integer(frame, expr, "`copies`", low=1, high=MAX_COPIES)
        return None if most is None else Copies(most=most)
    fields = _fields(frame, expr.fields, COPIES_FIELDS, "copies")
    found = Copies()
    if "most" in fields:
        most = expect.known_integer(frame, fields["most"], "`most`", low=1, high=MAX_COPIES)
        found = replace(found, most=most)
    if "tolerance" in fields:
        share = expect.known_real(frame, fields["tolerance"], "`tolerance`", low=0, high=10)
        found = replace(found, tolerance=found.tolerance if share is None else share)
    return found


def _word(frame: Frame, fields: dict[str, Expr], field: TargetField) -> str:
    if field.name not in fields:
        return field.default
    choices = field.choices
    if field.name == "evaluator":
        from qcompile.executors.registry import EXECUTORS

        try:
            # Those of other packages, too; nothing of theirs is imported.
            choices = ("auto", *EXECUTORS)
        except ExtensionError as error:
            frame.report(error.at(fields[field.name].span))
            return field.default
    chosen = choose(frame, fields[field.name], f"`{field.name}`", choices)
    return field.default if chosen is None else chosen


def _noise(frame: Frame, expr: Expr) -> NoiseModel | CalibratedNoise | None:
    if isinstance(expr, Name) and expr.text == "device":
        return CalibratedNoise()
    if not isinstance(expr, RecordExpr):
        frame.report(
            Misplaced(
                span=expr.span,
                form="this",
                what="`noise`",
                expected="`device`, or a record, such as { one_qubit: 0.1pct }",
            )
        )
        return None
    fields = _fields(frame, expr.fields, NOISE_FIELDS, "noise")
    one, two = (
        _probability(frame, fields[name], f"`{name}`") if name in fields else 0.0
        for name in ("one_qubit", "two_qubit")
    )
    readout = _readout(frame, fields["readout"]) if "readout" in fields else (0.0, 0.0)
    if one is None or two is None or readout is None:
        return None
    return NoiseModel(one_qubit=one, two_qubit=two, readout=readout)


def _probability(frame: Frame, expr: Expr, what: str) -> float | None:
    return expect.known_real(frame, expr, what, low=0, high=1)


def _readout(frame: Frame, expr: Expr) -> tuple[float, float] | None:
    if not isinstance(expr, ListExpr):
        both = _probability(frame, expr, "`readout`")
        return None if both is None else (both, both)
    if len(expr.items) != 2:
        frame.report(
            Misplaced(
                span=expr.span,
                form=f"a list of {len(expr.items)}",
                what="`readout`",
                expected="a probability or two of them",
            )
        )
        return None
    first, second = (_probability(frame, item, "`readout`") for item in expr.items)
    return None if first is None or second is None else (first, second)
