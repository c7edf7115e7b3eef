"""``docs/cli.md``: the help of every command, as the program prints it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from trademaster.cli.commands import COMMANDS, ROOT, load

WIDTH = 100


def reference() -> str:
    """The text of the file."""
    parts = [
        "# Commands",
        "",
        "Generated from the commands themselves; each prints this with `--help`.",
        "Data goes to stdout, everything else to stderr. Exit codes: 0 done, 1 failed, 2 cannot be done as asked, 130 Ctrl-C.",
        "",
        *_block("trademaster", ROOT),
    ]
    for path, command in commands():
        parts += ["", f"{'#' * (path.count(' ') + 1)} {path}", "", *_block(path, command)]
    return "\n".join(parts) + "\n"


def commands() -> Iterator[tuple[str, Any]]:
    """Every command under its full name, groups before their members."""
    for name in COMMANDS:
        command = load(name)
        yield f"trademaster {name}", command
        for member, inner in getattr(command, "commands", {}).items():
            yield f"trademaster {name} {member}", inner


def help_of(path: str, command: Any) -> str:
    """What ``--help`` prints, at a fixed width."""
    context = command.make_context(path, [], resilient_parsing=True, terminal_width=WIDTH, max_content_width=WIDTH)
    return str(command.get_help(context))


def _block(path: str, command: Any) -> list[str]:
    return ["```text", help_of(path, command), "```"]
