"""``trademaster schemas``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from trademaster.cli import options
from trademaster.cli.commands import COMMANDS


def export(
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder to write to; made if it does not exist.")] = Path(
        "schemas-export"
    ),
) -> None:
    """Write a JSON Schema of each payload and of the envelope, and asyncapi.json; print the files written.

    The same program writes the same bytes each time.
    """
    from trademaster.contract.files import write

    for path in write(out):
        typer.echo(str(path))


app = options.group(COMMANDS["schemas"], export)
