"""How much later than the mark of a tick the P&L of that tick is readable, under 100,000 ticks a second.

::

    writer ──► market.ticks ──► market ──────► market.marks ──► watcher
    1,000 symbols          └──► portfolio ──► portfolio.pnl ──► watcher      one process, 100 open positions

A P&L is matched to the mark of its symbol and time. *Appended* compares when both were appended to the bus (whole milliseconds): what the
flow and its writer add. *Seen* compares when two watchers, a process and a connection each, had them: in it is what each waited for a
core or for the answer to a fetch. Each position must have been marked at the end as its symbol's last mark says.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager

import numpy as np
import numpy.typing as npt

from benchmarks.answers import WrongAnswer
from benchmarks.live import Load, Watched, feed, market_flow
from benchmarks.measuring import percentiles
from benchmarks.options import Options
from benchmarks.places import Place, embedded_place, kafka_place
from benchmarks.rows import Row
from benchmarks.ticks import START_NS
from schemas.bus import Records
from schemas.partitioning import partition_of
from trademaster.bus import open_bus

_LOAD = Load(rate=100_000, symbols=1000, seconds=15, warm_s=5)
_QUICK = Load(rate=10_000, symbols=1000, seconds=5, warm_s=1)
_POSITIONS = 100
_MAY_ADD_MS = 3.0


def run(options: Options) -> Iterator[Row]:
    """Two rows a bus: the mark, and how much later the P&L is."""
    load = _QUICK if options.quick else _LOAD
    yield from _on("embedded", embedded_place(None), load, held=not options.quick)
    if not options.quick:
        yield from _on("kafka", kafka_place(None), load, held=True)


def _on(bus: str, opened: AbstractContextManager[Place], load: Load, *, held: bool) -> Iterator[Row]:
    with opened as place:
        symbols = [f"S{number:06d}" for number in range(0, load.symbols, load.symbols // _POSITIONS)]
        _open_positions(place, symbols)
        with market_flow(place, flows=("market", "portfolio")) as flow:
            watched = feed(place, load, ["market.marks", "portfolio.pnl"])
            del flow
        yield Row(f"{bus}, tick to mark", percentiles(watched.tick_latency_ms("market.marks")))
        _check_all_marked(watched, symbols)
        budget = {"p99_ms": _MAY_ADD_MS} if held else {}
        yield Row(f"{bus}, P&L after the mark of its tick, appended", percentiles(_added(watched, "appended")), budget)
        yield Row(f"{bus}, P&L after the mark of its tick, seen", percentiles(_added(watched, "seen"), 1e-6), budget)


def _open_positions(place: Place, symbols: list[str]) -> None:
    bus = open_bus(place.url)
    writer, partitions = bus.writer(), len(bus.partitions("orders.events"))
    places = [partition_of(symbol.encode(), partitions) for symbol in symbols]
    writer.write(Records("orders.events", places, [b"T"] * len(symbols), [_opening(symbol) for symbol in symbols]))
    writer.flush()
    writer.close()
    bus.close()


def _opening(symbol: str) -> bytes:
    header = {
        "eventId": symbol,
        "correlationId": symbol,
        "eventType": "EXECUTION_REPORT",
        "priority": 2,
        "timestamp": START_NS,
        "source": "b",
    }
    payload = {"execType": "transfer", "account": "A", "symbol": symbol, "executionId": symbol, "side": "buy"}
    return json.dumps({"header": header, "payload": {**payload, "quantity": "10", "price": "1"}}).encode()


def _check_all_marked(watched: Watched, symbols: list[str]) -> None:
    """Whether each position was marked to the end.

    Raises:
        WrongAnswer: the last P&L of a position is older than its symbol's last mark by more than a turn of the feed.
    """
    pnl = watched.seen["portfolio.pnl"]
    last = dict(zip(pnl["symbol"].tolist(), pnl["time"].tolist(), strict=True))
    late = [symbol for symbol in symbols if last.get(symbol.encode(), 0) < watched.steps[-1] - 10**9]
    if late:
        raise WrongAnswer(f"expected the P&L of {len(symbols)} positions to follow their marks, found {len(late)} that did not: {late[:3]}")


def _added(watched: Watched, moment: str) -> npt.NDArray[np.float64]:
    """Of each P&L whose tick made a mark: how much later that moment of it was, in the moment's unit."""
    marks, pnl = watched.seen["market.marks"], watched.seen["portfolio.pnl"]
    of_mark = dict(zip(zip(marks["symbol"].tolist(), marks["time"].tolist(), strict=True), marks[moment].tolist(), strict=True))
    rows = pnl[pnl["time"] >= watched.measured_from_ns]
    keys = zip(rows["symbol"].tolist(), rows["time"].tolist(), strict=True)
    found = [at - of_mark[key] for key, at in zip(keys, rows[moment].tolist(), strict=True) if key in of_mark]
    return np.array(found, np.float64)
