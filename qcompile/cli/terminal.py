"""Where output goes: results to the standard output, everything else to the standard error."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TextIO

from qcompile.cli.arguments import Arguments, MessageFormat
from qcompile.cli.progress import ProgressLine
from qcompile.diagnostics.diagnostic import Diagnostic
from qcompile.diagnostics.errors import UsageError
from qcompile.diagnostics.messages.usage import OutputNotWritable
from qcompile.diagnostics.render_human import render_human
from qcompile.diagnostics.render_json import render_json
from qcompile.diagnostics.render_short import render_short


@dataclass(frozen=True, slots=True, kw_only=True)
class Terminal:
    """How to print."""

    message_format: MessageFormat = "human"
    colour: bool = False
    quiet: bool = False
    line: ProgressLine = field(default_factory=ProgressLine, compare=False, repr=False)

    @classmethod
    def from_environment(cls, argv: Sequence[str]) -> Terminal:
        """What holds before the command line is read: the environment, and a bare look at argv."""
        chosen: MessageFormat = "human"
        for index, argument in enumerate(argv):
            value = argument.partition("=")[2] or (argv[index + 1 : index + 2] or [""])[0]
            if argument.startswith("--message-format") and value in ("short", "json"):
                chosen = "json" if value == "json" else "short"
        return cls(message_format=chosen, colour=_wants_colour("auto"))

    def with_options(self, arguments: Arguments) -> Terminal:
        return replace(
            self,
            message_format=arguments.message_format,
            colour=_wants_colour(arguments.colour),
            quiet=arguments.quiet,
        )

    def out(self, text: str) -> None:
        """Print a result.

        Raises:
            UsageError: QA0014, for a full disk and the like.
            BrokenPipeError: The reader went away.
        """
        self.line.clear()
        try:
            _write(sys.stdout, text)
        except BrokenPipeError:
            raise
        except OSError as error:
            discard(sys.stdout)
            reason = error.strerror or str(error)
            raise UsageError(OutputNotWritable(path="<stdout>", reason=reason)) from None

    def note(self, text: str) -> None:
        """Say something beside the result."""
        if not self.quiet:
            self.trace(f"qcompile: {text}")

    def trace(self, text: str) -> None:
        """Print what was asked for beside the result."""
        self.line.clear()
        try:
            _write(sys.stderr, text if text.endswith("\n") else text + "\n")
        except OSError:
            # Nobody can be told; the exit code still says how it went.
            discard(sys.stderr)

    def diagnostics(self, diagnostics: Iterable[Diagnostic]) -> None:
        """Print diagnostics in the chosen form."""
        found = tuple(diagnostics)
        if not found:
            return
        match self.message_format:
            case "human":
                text = render_human(found, colour=self.colour)
            case "short":
                text = render_short(found)
            case "json":
                text = render_json(found)
        self.trace(text)

    @contextmanager
    def progress(self) -> Iterator[Callable[[str], None]]:
        """Takes the name of what is being done; shown on a terminal, once it takes a while.

        Inside another one it goes on with that one's line.
        """
        if self.quiet or self.message_format != "human" or not _is_terminal():
            yield _ignore
        elif self.line.running:
            yield self.line.say
        else:
            self.line.start()
            try:
                yield self.line.say
            finally:
                self.line.stop()


def _ignore(text: str) -> None:
    """Say nothing."""


def discard(stream: TextIO) -> None:
    """Let what a stream still holds, and what it is given from now on, go nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def _write(stream: TextIO | None, text: str) -> None:
    if stream is None:  # The process was started with the stream closed.
        return
    encoding = stream.encoding or "utf-8"
    # Paths may hold what no encoding can show.
    stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
    stream.flush()


def _wants_colour(choice: str) -> bool:
    """The conventions of no-color.org and its relatives; options beat the environment."""
    if choice != "auto":
        return choice == "always"
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR") or os.environ.get("CLICOLOR_FORCE"):
        return True
    if os.environ.get("TERM") == "dumb":
        return False
    return _is_terminal()


def _is_terminal() -> bool:
    return sys.stderr is not None and sys.stderr.isatty()
