"""``trademaster doctor``."""

from __future__ import annotations

import json as jsonlib
from dataclasses import asdict
from typing import Annotated

import typer

from trademaster.cli import options


def doctor(
    json: Annotated[bool, typer.Option("--json", help="A JSON array of checks.")] = False,
    bus: options.BusUrl = None,
    config: options.Config = None,
    sets: options.Sets = None,
) -> None:
    """Check this machine, the settings and the bus, and say what to do.

    Exit code 1 if a check fails; a warning does not count as a failure. Nothing is changed or created.
    """
    from trademaster.doctor import examine

    found = examine(config=config, sets=sets or (), bus=bus)
    if json:
        typer.echo(jsonlib.dumps([asdict(finding) for finding in found], indent=2))
    for finding in () if json else found:
        typer.echo(f"{finding.status:<4}  {finding.check:<9}  {finding.found}")
        if finding.advice:
            typer.echo(f"{'':<17}{finding.advice}")
    if any(finding.status == "fail" for finding in found):
        raise typer.Exit(1)


app = options.command(doctor)
