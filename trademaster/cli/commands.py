"""The table of commands, and the group that imports one only when it is used, so that ``--help`` is quick."""

from __future__ import annotations

from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

COMMANDS = {
    "demo": "Show real trades becoming bars, alerts, orders, positions and P&L, in this terminal.",
    "run": "Run flows over a bus until stopped.",
    "pipe": "Run flows as a filter: records in on stdin or from a file, events out on stdout.",
    "ingest": "Write ticks, orders and fills from a file or a simulator to a bus.",
    "replay": "Write what happened again: merged by event time, each partition in the order of its offsets.",
    "control": "Write accounts, instruments, limits, trading states and corporate actions to a bus.",
    "setup": "Prepare the stores that deliveries write to.",
    "topics": "Create, list, describe and check the topics of a bus.",
    "tail": "Print the records of a topic, a JSON object a line.",
    "history": "Ask the archive in SQL, and list what it holds.",
    "dead": "List dead letters, write their records back to where they came from, or mark them as dealt with.",
    "analyze": "Test risk models against a series of prices or returns in a file.",
    "schemas": "Export the contract: JSON Schema and AsyncAPI.",
    "settings": "Show the effective settings and where each came from.",
    "doctor": "Check this machine, the settings and the bus, and say what to do.",
}
"""Name of each command and its one line of help, which a test compares with the command's own."""


class LazyGroup(TyperGroup):
    """A group whose members are modules of ``trademaster.cli``, each with an ``app``."""

    def list_commands(self, ctx: Any) -> list[str]:
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        del ctx
        return load(cmd_name) if cmd_name in COMMANDS else None

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            raise _unknown(args[0])
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """The table as it is; asking each command for its help would import all of them."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


def load(name: str) -> Any:
    """The command of a name, with what it needs imported."""
    command = get_command(import_module(f"trademaster.cli.{name}").app)
    command.name = name
    return command


def _unknown(name: str) -> Exception:
    from difflib import get_close_matches

    from schemas.errors import UsageError

    close = get_close_matches(name, COMMANDS, n=1)
    hint = f"did you mean `trademaster {close[0]}`?" if close else f"the commands are: {', '.join(COMMANDS)}"
    return UsageError(f"expected a command, found {name!r}", hint=hint)


def _version(wanted: bool) -> None:
    if wanted:
        from trademaster import __version__

        typer.echo(f"trademaster {__version__}")
        raise typer.Exit


def _root(
    version: Annotated[bool, typer.Option("--version", help="Print the version and leave.", is_eager=True, callback=_version)] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show where an error came from. First on the line, or TRADEMASTER_DEBUG=1.")
    ] = False,
) -> None:
    """Market ticks and order events become positions, risk and signals while they happen.

    Data is written to stdout, everything else to stderr. `trademaster COMMAND --help` says more of each.
    """
    del version, debug


_app = typer.Typer(cls=LazyGroup, rich_markup_mode=None, pretty_exceptions_enable=False)
_app.callback()(_root)

ROOT: Any = get_command(_app)
"""The command line as a whole."""
