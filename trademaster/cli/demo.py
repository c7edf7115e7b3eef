"""``trademaster demo``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from trademaster.cli import options


def demo(
    speed: Annotated[float, typer.Option(min=0.1, metavar="FACTOR", help="How much faster than in 2012 the session is replayed.")] = 60.0,
    symbols: Annotated[int, typer.Option(min=0, metavar="N", help="Simulated symbols beside the real one.")] = 7,
    folder: Annotated[
        Path | None, typer.Option("--folder", metavar="DIR", help="Keep the demo's bus there; a temporary folder if left out.")
    ] = None,
    duration: Annotated[str | None, typer.Option(metavar="TIME", help="Stop by itself after, such as 30s.")] = None,
    config: options.Config = None,
    sets: options.Sets = None,
) -> None:
    """Show real trades becoming bars, alerts, orders, positions and P&L, in this terminal.

    Starts an embedded bus and the flows, replays the AMZN session of 2012-06-21 beside simulated symbols, lets three simple strategies
    trade it on the paper exchange, and shows marks, bars, alerts, and each account's positions and P&L. Ctrl-C stops it. Nothing else
    needs to be installed.
    """
    settings = options.settings_of(config, sets)
    from trademaster.demo import run_demo

    run_demo(settings, speed=speed, symbols=symbols, folder=folder, duration_s=options.parse_duration_s("--duration", duration))


app = options.command(demo)
