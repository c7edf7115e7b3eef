"""``python -m benchmarks [NAME...] [--events N] [--quick] [--json FILE]``: run benchmarks and print a table of each."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import traceback
from dataclasses import asdict
from importlib import import_module
from pathlib import Path

from benchmarks.measuring import machine
from benchmarks.options import QUICK_EVENTS, Options
from benchmarks.progress import note
from benchmarks.rows import Row, shown, table

BENCHMARKS = (
    "ticks_to_bars_kafka",
    "ticks_to_bars_embedded",
    "pipe_csv",
    "startup",
    "latency",
    "epoch_stall",
    "cost_by_symbols",
    "fills",
    "pnl_latency",
    "alert_latency",
    "portfolio_marking",
    "stops",
    "pretrade",
    "records",
    "indicators",
    "pipeline",
    "archive",
    "history_query",
    "replay",
    "influxdb",
    "beside_deliveries",
    "peers",
)
"""Modules of this package, each with a ``run`` and a docstring that draws its topology."""


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description="Run benchmarks: each checks its answer, then says its speed."
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which, default all: {', '.join(BENCHMARKS)}")
    parser.add_argument("--events", type=int, metavar="N", help="how many events instead of each benchmark's own number")
    parser.add_argument("--quick", action="store_true", help=f"a smoke form of {QUICK_EVENTS} events: only its answers mean something")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write machine and figures there too")
    parser.add_argument("--list", action="store_true", help="say what there is")
    options = parser.parse_args(arguments)
    strangers = sorted(set(options.names) - set(BENCHMARKS))
    if strangers:
        parser.error(f"expected names among {', '.join(BENCHMARKS)}; found {', '.join(strangers)}")
    return options


def main(arguments: list[str] | None = None) -> int:
    """The exit code: 1 if a budget was missed or a benchmark failed, as with a wrong answer."""
    asked = parse(arguments)
    names = asked.names or BENCHMARKS
    if asked.list:
        for name in names:
            print(f"{name}: {(import_module(f'benchmarks.{name}').__doc__ or '').partition(chr(10))[0]}")
        return 0
    print(", ".join(f"{name} {value}" for name, value in machine().items()))
    note("compiling kernels that are not compiled yet")
    subprocess.run([sys.executable, "-m", "trademaster.kernels"], check=True, stdout=sys.stderr)
    results: dict[str, list[Row]] = {}
    failed = []
    for name in names:
        note(f"== {name}")
        rows = results.setdefault(name, [])
        try:
            for row in import_module(f"benchmarks.{name}").run(Options(asked.events, asked.quick)):
                note("; ".join([row.name, *(f"{figure} {shown(value)}" for figure, value in row.figures.items()), row.verdict()]))
                rows.append(row)
                _keep(asked.json, results)
        except Exception:  # noqa: BLE001  (a benchmark may fail in any way)
            # The others are worth their time all the same.
            traceback.print_exc()
            failed.append(name)
        print(f"\n## {name}\n\n{table(rows)}", flush=True)
    for name in failed:
        print(f"\n{name} failed: see stderr")
    return 1 if failed or any(row.missed() for rows in results.values() for row in rows) else 0


def _keep(file: Path | None, results: dict[str, list[Row]]) -> None:
    """Write what is known so far."""
    if file:
        rows = {name: [asdict(row) for row in done] for name, done in results.items()}
        file.write_text(json.dumps({"machine": machine(), "benchmarks": rows}, indent=1))


if __name__ == "__main__":
    sys.exit(main())
