"""The `train` clauses of attached adapters under transformers' Trainer and what builds on it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from torch import nn

from qcompile.adapter.merge_obstacles import part_obstacle
from qcompile.adapter.training import after_step, check_finite, regulariser
from qcompile.backends.simulator.module import AdapterModule
from qcompile.diagnostics.errors import AdapterError, few
from qcompile.diagnostics.messages.families import ScaledGradients
from qcompile.diagnostics.messages.surrogates import MergedAtEveryStep

if TYPE_CHECKING:
    from transformers import TrainerCallback


def trainer_callback(schedule: Callable[[int], float] | None = None) -> TrainerCallback:
    """A callback for `Trainer(callbacks=[…])`, also of TRL's trainers.

    Just before each step of the optimiser it adds the penalties' gradients to those of the loss,
    once whatever the accumulation of gradients, and not clipped; just after, it applies the
    proximal operators. The log has the penalties' value after the step as `regulariser`, beside a
    loss without them. At each step that is logged all tensors of adapters must be finite.

    Args:
        schedule: Gives what multiplies every threshold after the given number of finished steps;
            a function of the step alone, so that resumed runs go on as they would have.

    Raises:
        AdapterError: From the trainer's own making: QA7304 where vLLM needs the adapter merged at
            every step, and it cannot be. From `train`: QA6102 where gradients may still be scaled
            for float16, QA6031 where a tensor has become NaN or infinite.
    """
    from transformers import TrainerCallback

    class TrainClauses(TrainerCallback):  # type: ignore[misc, unused-ignore]
        """See `trainer_callback`."""

        def on_init_end(
            self, args: Any, state: Any, control: Any, model: nn.Module, **_: Any
        ) -> None:
            if getattr(args, "use_vllm", False):
                _refuse_unmergeable(model)

        def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            if args.fp16 and not args.max_grad_norm:
                raise AdapterError(ScaledGradients())

        def on_pre_optimizer_step(
            self, args: Any, state: Any, control: Any, model: nn.Module, **_: Any
        ) -> None:
            total = regulariser(model)
            if total.requires_grad:
                total.backward()  # type: ignore[no-untyped-call]

        def on_optimizer_step(
            self, args: Any, state: Any, control: Any, model: nn.Module, **_: Any
        ) -> None:
            after_step(model, 1.0 if schedule is None else schedule(state.global_step))

        def on_log(
            self,
            args: Any,
            state: Any,
            control: Any,
            model: nn.Module,
            logs: dict[str, float] | None = None,
            **_: Any,
        ) -> None:
            if logs is not None and "loss" in logs:
                check_finite(model)
                value = float(regulariser(model).detach())
                # The history has a copy of the logs.
                logs["regulariser"] = state.log_history[-1]["regulariser"] = value

    return TrainClauses()


def _refuse_unmergeable(model: nn.Module) -> None:
    problems = [
        MergedAtEveryStep(adapter=part.plan.adapter, module=part.site, reason=reason)
        for part in model.modules()
        if isinstance(part, AdapterModule) and (reason := part_obstacle(part)) is not None
    ]
    if problems:
        raise AdapterError(*few(problems))
