"""The command line. ``main`` is the program; each command is a file beside this one, imported when it is used."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from schemas.errors import TradeMasterError, UsageError


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and leave the process with its exit code.

    0: done. 1: it failed. 2: it cannot be done as asked. 130: Ctrl-C. Data goes to stdout, everything else to stderr.
    """
    sys.exit(execute(sys.argv[1:] if arguments is None else list(arguments)))


def execute(arguments: list[str]) -> int:
    """The exit code of a command line; errors are printed, never raised, unless debugging."""
    from trademaster.cli.commands import ROOT

    arguments = arguments or ["--help"]
    if "--debug" in arguments[:1] or os.environ.get("TRADEMASTER_DEBUG", "") not in {"", "0"}:
        return _code(ROOT.main(arguments, prog_name="trademaster", standalone_mode=False))
    try:
        code = _code(ROOT.main(arguments, prog_name="trademaster", standalone_mode=False))
        sys.stdout.flush()
    except (BrokenPipeError, SystemExit) as leaving:
        if not isinstance(leaving, BrokenPipeError) and not isinstance(leaving.__context__, BrokenPipeError):
            raise  # typer makes SystemExit(1) of a broken pipe
        # The reader of our stdout has gone (`trademaster tail ... | head`): that is its right, and no error of ours.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 130
    except Exception as error:  # noqa: BLE001  (the edge of the program: what is not known is shown, without a traceback)
        return _report(error)
    return code


def _code(result: object) -> int:
    return result if isinstance(result, int) else 0


def _report(error: Exception) -> int:
    """Say what went wrong and what to do; the exit code."""
    from typer import Abort, BadParameter

    usage_error = BadParameter.__mro__[1]
    if isinstance(error, TradeMasterError):
        _say(str(error), error.hint)
        return 2 if isinstance(error, UsageError) else 1
    if type(error).__name__ == "NoArgsIsHelpError":
        print(error, file=sys.stderr)  # noqa: T201
        return 2
    if isinstance(error, usage_error):
        context = getattr(error, "ctx", None)
        command = context.command_path if context else "trademaster"
        _say(str(getattr(error, "format_message", error.__str__)()), f"`{command} --help` shows what may be written")
        return 2
    if isinstance(error, Abort):
        return 130
    name = type(error).__name__
    _say(f"unexpected {name}: {error}", "TRADEMASTER_DEBUG=1 before the command shows where; please report it with that output")
    return 1


def _say(message: str, hint: str) -> None:
    first, *rest = message.splitlines() or [""]
    print(f"error: {first}", *(f"       {line}" for line in rest), sep="\n", file=sys.stderr)  # noqa: T201
    if hint:
        print(f"hint: {hint}", file=sys.stderr)  # noqa: T201
