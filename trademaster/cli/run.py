"""``trademaster run``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from trademaster.cli import options


def run(
    flows: Annotated[list[str], typer.Argument(metavar="FLOW", help="Flows to join into one run, such as market.")],
    bus: options.BusUrl = None,
    processes: Annotated[int | None, typer.Option(metavar="N", help="Worker processes (setting engine.processes).")] = None,
    metrics_port: Annotated[
        int | None, typer.Option("--metrics-port", metavar="PORT", help="Prometheus page; 0: none (setting engine.metrics_port).")
    ] = None,
    recovery: Annotated[
        Path | None, typer.Option("--recovery", metavar="DIR", help="Folder of stored state (setting engine.recovery_dir).")
    ] = None,
    config: options.Config = None,
    sets: options.Sets = None,
    progress: Annotated[
        bool | None,
        typer.Option("--progress/--quiet", "-p/-q", help="A live line of progress on stderr (setting log.progress)."),
    ] = None,
    until_end: Annotated[bool, typer.Option("--until-end", help="Stop where the topics ended at the start.")] = False,
) -> None:
    """Run flows over a bus until stopped.

    SIGTERM or Ctrl-C drains: what was read is written, state is stored, and the exit code is 0. Started again, a run goes on
    where it was, also after `kill -9` and with another number of processes.

    Example: trademaster run market --bus kafka://localhost:9092 --processes 2
    """
    settings = options.settings_of(
        config,
        sets,
        bus__url=bus,
        engine__processes=processes,
        engine__metrics_port=metrics_port,
        engine__recovery_dir=str(recovery) if recovery else None,
        log__progress={True: "on", False: "off"}.get(progress) if progress is not None else None,
    )
    from trademaster.engine.run import run_flows

    raise typer.Exit(run_flows(settings, flows, until_end=until_end))


app = options.command(run)
