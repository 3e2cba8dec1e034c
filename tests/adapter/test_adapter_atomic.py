"""Attaching, detaching and merging happen whole or not at all, and in linear time."""

from __future__ import annotations

import contextlib
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from itertools import count
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import pytest
import torch
from torch import nn

import qcompile
import qcompile.adapter
from qcompile.adapter import CompiledAdapter, attach, detach, merge
from tests.adapter.models import compiled, llama, logits, low_rank, same, snapshot, trained

FOLDER = str(Path(qcompile.adapter.__file__).parent)

PREFIX = """qa 1

adapter before() {
    attach "*.self_attn"
    prefix table(3, out_features), table(3, out_features)
}
"""


TURNS = 2
"""How often one line is interrupted: with nothing done yet, and with one module done."""


class Interruption:
    """Raises at the n-th line of `qcompile/adapter` that is executed, each line up to TURNS times.

    Loops over modules come to each of their lines again and again.
    """

    def __init__(self, line: int, error: BaseException) -> None:
        self.left = line
        self.error = error
        self.turns: Counter[tuple[CodeType, int]] = Counter()

    def __enter__(self) -> Interruption:
        sys.settrace(self._call)
        return self

    def __exit__(self, *_: object) -> None:
        sys.settrace(None)

    def _call(self, frame: FrameType, event: str, _: Any) -> Any:
        return self._line if frame.f_code.co_filename.startswith(FOLDER) else None

    def _line(self, frame: FrameType, event: str, _: Any) -> Any:
        place = (frame.f_code, frame.f_lineno)
        if event == "line" and self.turns[place] < TURNS:
            self.turns[place] += 1
            self.left -= 1
            if self.left < 0:
                sys.settrace(None)
                raise self.error
        return self._line


def structure(model: nn.Module) -> list[Any]:
    """Everything but the values of tensors."""
    return [
        (
            name,
            id(module),
            module.training,
            sorted(vars(module)),
            {n: id(hook) for n, hook in module._forward_hooks.items()},
            {n: id(hook) for n, hook in module._forward_pre_hooks.items()},
            dict(module._forward_pre_hooks_with_kwargs),
        )
        for name, module in model.named_modules()
    ] + [(name, id(p), p.requires_grad, p.device) for name, p in model.named_parameters()]


def interrupted(action: Callable[[], object], state: Callable[[], object]) -> Iterator[object]:
    """The state after an interruption at every line until the action gets through."""
    assert sys.gettrace() is None, "coverage and debuggers trace, too"
    errors: tuple[Callable[[], BaseException], ...] = (
        KeyboardInterrupt,
        MemoryError,
        lambda: RuntimeError("CUDA out of memory"),
    )
    for line in count():
        error = errors[line % len(errors)]()
        interruption = Interruption(line, error)
        with contextlib.suppress(type(error)), interruption:
            action()
        if interruption.left >= 0:
            assert line > 20
            return
        assert torch.is_grad_enabled()
        yield state()


@pytest.fixture
def attachable(monkeypatch: pytest.MonkeyPatch) -> tuple[nn.Module, list[CompiledAdapter]]:
    # What fails inside the probe is no failure of `attach`; test_adapter_probe.py interrupts it.
    monkeypatch.setattr(sys.modules["qcompile.adapter.attach"], "probe_places", lambda *_: None)
    model = llama()
    adapters = [
        trained(compiled(model, ("q_proj",), low_rank)).eval(),
        qcompile.compile(PREFIX, model=model).eval(),
    ]
    return model.train(), adapters


Attachable = tuple[nn.Module, list[CompiledAdapter]]


def whole(model: nn.Module, adapters: list[CompiledAdapter]) -> list[Any]:
    return [structure(found) for found in (model, *adapters)]


def test_interrupted_attach_changes_nothing(attachable: Attachable) -> None:
    model, adapters = attachable
    for adapter in adapters:
        before = whole(model, adapters)
        states = interrupted(partial(attach, model, adapter), partial(whole, model, adapters))
        assert all(state == before for state in states)
        assert whole(model, adapters) != before
    assert qcompile.attached(model) == tuple(adapters)


def test_interrupted_detach_leaves_all_attached(attachable: Attachable) -> None:
    model, adapters = attachable
    base = structure(model)
    for adapter in adapters:
        attach(model, adapter)
    before = structure(model)
    states = interrupted(partial(detach, model), partial(structure, model))
    assert all(state == before for state in states)
    assert structure(model) == base


def test_interrupted_merge_leaves_all_attached(attachable: Attachable) -> None:
    model, (adapter, _) = attachable
    attach(model, adapter)
    with torch.no_grad():
        expected = logits(model)
    before, tensors = structure(model), snapshot(model)

    def state() -> object:
        return structure(model) == before and same(snapshot(model), tensors)

    assert all(interrupted(partial(merge, model), state))
    assert torch.allclose(logits(model), expected, atol=1e-5)


def test_a_part_without_room_on_the_device_leaves_all_where_it_was(
    attachable: Attachable, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, (adapter, _) = attachable
    last = [part for _, part in adapter.parts()][-1]

    def full(*_: object) -> object:
        raise torch.OutOfMemoryError("no room")

    monkeypatch.setattr(last, "to", full)
    before = structure(model)
    with pytest.raises(torch.OutOfMemoryError):
        attach(model, adapter)
    assert structure(model) == before


def visits(action: Callable[[], object], monkeypatch: pytest.MonkeyPatch) -> int:
    """How many modules are visited on walks through the tree."""
    plain: Any = nn.Module.named_modules
    seen = 0

    def counted(module: nn.Module, *args: Any, **kwargs: Any) -> Any:
        nonlocal seen
        seen += 1
        return plain(module, *args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(nn.Module, "named_modules", counted)
        action()
    return seen


def test_work_is_proportional_to_the_number_of_modules(monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[dict[str, int]] = []
    for size in (20, 40):
        model = nn.Sequential(*(nn.Linear(2, 2) for _ in range(size)))
        adapter = compiled(model, tuple(map(str, range(size))), low_rank)
        found.append(
            {
                "attach": visits(partial(attach, model, adapter), monkeypatch),
                "detach": visits(partial(detach, model), monkeypatch),
            }
        )
        attach(model, adapter)
        found[-1]["merge"] = visits(partial(merge, model), monkeypatch)
    small, large = found
    assert all(large[name] < 2.2 * small[name] for name in small), found
