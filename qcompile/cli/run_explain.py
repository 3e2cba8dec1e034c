"""`qcompile explain CODE…`"""

from __future__ import annotations

from qcompile.cli.arguments import Arguments
from qcompile.cli.terminal import Terminal
from qcompile.diagnostics.catalog import all_messages
from qcompile.diagnostics.errors import UsageError
from qcompile.diagnostics.messages.usage import UnknownCode
from qcompile.diagnostics.nearest import nearest


def run(arguments: Arguments, terminal: Terminal) -> int:
    """Print the pages of the codes; without a code, list all."""
    messages = all_messages()
    if not arguments.inputs:
        terminal.out("".join(f"{code}  {kind.title}\n" for code, kind in messages.items()))
        return 0
    pages = []
    unknown = []
    for given in arguments.inputs:
        code = given.upper()
        if code in messages:
            pages.append(messages[code].page())
        else:
            unknown.append(UnknownCode(name=given, candidates=nearest(code, tuple(messages))))
    if unknown:
        raise UsageError(*unknown)
    terminal.out("\n".join(pages))
    return 0
