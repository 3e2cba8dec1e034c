"""From the command line's arguments to the driver's options, and what happens while it runs."""

from __future__ import annotations

from collections.abc import Collection

from qcompile.cli.arguments import Arguments
from qcompile.cli.terminal import Terminal
from qcompile.diagnostics.diagnostic import Diagnostic
from qcompile.diagnostics.errors import CompileError, UsageError
from qcompile.diagnostics.messages.planning import UnknownPass
from qcompile.diagnostics.nearest import nearest
from qcompile.diagnostics.source import Source
from qcompile.driver.options import Options
from qcompile.driver.phases import Compilation, compile_source
from qcompile.ir.plan import Plan
from qcompile.ir.program import Program


def driver_options(arguments: Arguments) -> Options:
    """What the command line says about a compilation."""
    return Options(
        definitions=arguments.definitions,
        model=arguments.model,
        target=arguments.target,
        control=arguments.control,
        optimisation=arguments.optimisation,
        passes=arguments.passes,
        tokens=arguments.tokens,
        memory_limit=arguments.memory_limit,
        seed=arguments.seed,
        verify=arguments.verify,
        validate=arguments.validate,
        budget=arguments.budget,
        evaluator=arguments.evaluator,
    )


def run_driver(
    arguments: Arguments,
    source: Source,
    terminal: Terminal,
    known: Collection[Diagnostic] = (),
) -> Compilation:
    """Compile as the command line asks; prints warnings, traces and times.

    Args:
        arguments: The command line.
        source: The main file.
        terminal: Where to print.
        known: Warnings that were printed already.

    Raises:
        QCompileError: As the driver does; with `-W error` for warnings as well.
    """
    _check_print_after(arguments)
    times: list[tuple[str, float]] = []

    def observe(name: str, seconds: float, result: Program | Plan) -> None:
        times.append((name, seconds))
        if name in arguments.print_after or "all" in arguments.print_after:
            from qcompile.ir.text import text_of

            terminal.trace(f"# after {name}\n{text_of(result)}")

    with terminal.progress() as progress:
        compilation = compile_source(
            source, driver_options(arguments), observer=observe, progress=progress
        )
    if compilation.warnings and arguments.warnings_are_errors:
        raise CompileError(*(warning.as_error() for warning in compilation.warnings))
    terminal.diagnostics(warning for warning in compilation.warnings if warning not in known)
    if arguments.time_passes:
        terminal.trace(_times(compilation.seconds, times))
    return compilation


def _check_print_after(arguments: Arguments) -> None:
    if not arguments.print_after:
        return
    from qcompile.passes.registry import PASSES

    known = (*PASSES, "schedule", "all")
    unknown = [
        UnknownPass(name=name, candidates=nearest(name, known))
        for name in arguments.print_after
        if name not in known
    ]
    if unknown:
        raise UsageError(*unknown)


def _times(phases: tuple[tuple[str, float], ...], passes: list[tuple[str, float]]) -> str:
    lines = [f"{seconds * 1e3:10.1f} ms  {name}" for name, seconds in phases]
    totals: dict[str, float] = {}
    for name, seconds in passes:
        totals[name] = totals.get(name, 0.0) + seconds
    lines += [f"{seconds * 1e3:10.1f} ms    {name}" for name, seconds in totals.items()]
    return "\n".join(lines)
