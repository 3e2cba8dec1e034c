"""Answers that a checkpointed forward pass got, given to its recomputation as well.

Activation checkpointing runs a forward pass again during the backward pass, at another time and, on
a GPU, in a thread of torch's own. Whether adapters are on is no part of what it restores.
"""

from __future__ import annotations

import inspect
import sys
from dataclasses import dataclass, field
from types import FrameType, FunctionType
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

import torch
from torch.utils import checkpoint

AnswerT = TypeVar("AnswerT")


@dataclass
class Answers:
    """Of one checkpointed region, in the order of the questions."""

    given: list[Any] = field(default_factory=list)
    asked: dict[Any, int] = field(default_factory=dict)
    """How many were asked again, by the backward pass that recomputes."""

    def note(self, answer: object) -> None:
        """In the forward pass."""
        self.given.append(answer)

    def next(self, pass_: object, otherwise: AnswerT) -> AnswerT:
        """In the recomputation by a backward pass."""
        number = self.asked.get(pass_, 0)
        self.asked[pass_] = number + 1
        found: AnswerT = self.given[number] if number < len(self.given) else otherwise
        return found


_REGIONS: WeakKeyDictionary[Any, Answers] = WeakKeyDictionary()
"""By what torch keeps of a region's forward pass until its backward pass."""

_FORWARD: Any = checkpoint.CheckpointFunction.forward
_BACKWARD: Any = checkpoint.CheckpointFunction.backward


def same_in_recomputation(answer: AnswerT) -> AnswerT:
    """`answer`; in a recomputation, what the forward pass was answered in this place."""
    if torch.compiler.is_compiling():
        return answer
    inside: list[Any] = []
    # A reentrant region runs without gradients, and again inside a backward pass.
    task = torch._C._current_graph_task_id()
    if task != -1 or not torch.is_grad_enabled():
        recomputed, inside = _reentrant(sys._getframe())
        if recomputed in _REGIONS:
            answer = _REGIONS[recomputed].next(task, answer)
    answer = _same_under_hooks(answer)
    for region in inside:
        _REGIONS.setdefault(region, Answers()).note(answer)
    return answer


def _reentrant(frame: FrameType | None) -> tuple[Any, list[Any]]:
    """The region of `use_reentrant=True` that is recomputed here, and those whose forward pass this
    is, from the inside out; torch hands none of them to what runs inside, so the calls are looked
    through."""
    inside: list[Any] = []
    while frame is not None:
        if frame.f_code is _FORWARD.__code__:
            inside.append(frame.f_locals["ctx"])
        elif frame.f_code is _BACKWARD.__code__:
            return frame.f_locals["ctx"], inside
        frame = frame.f_back
    return None, inside


def _same_under_hooks(answer: AnswerT) -> AnswerT:
    """As `same_in_recomputation`, for regions of `use_reentrant=False`."""
    hooks: Any = torch._C._autograd._top_saved_tensors_default_hooks(True)
    if hooks is None:
        return answer
    known = _variables(hooks[0])
    if "target_frame_ref" in known:
        answers = _REGIONS.get(known["target_frame_ref"]())
        return answer if answers is None else answers.next(known["gid"], answer)
    if "frame" in known and hasattr(known["frame"], "recompute_fn"):
        _REGIONS.setdefault(known["frame"], Answers()).note(answer)
    return answer


def _variables(hook: object) -> dict[str, Any]:
    """What a hook on saved tensors was made with: only these hooks know which region torch runs."""
    function = inspect.unwrap(hook) if callable(hook) else hook
    if not isinstance(function, FunctionType) or function.__module__ != checkpoint.__name__:
        return {}
    cells = function.__closure__ or ()
    names = function.__code__.co_freevars
    return {name: cell.cell_contents for name, cell in zip(names, cells, strict=True)}
