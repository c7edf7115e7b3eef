"""From a tick written to its mark or bar readable, under an even load of 100,000 ticks a second, on both buses.

::

    bare hop:  writer ──► market.ticks ──► watcher
    ours:      writer ──► market.ticks ──► market flow ──► market.marks ──► watcher
    1,000 symbols, a batch each ms                     └─► market.bars  ──► watcher

A mark is matched to its tick by symbol and time; a bar to its symbol's first tick after the bar's end. All times are of one clock. The
last mark of each symbol must be that of its last tick, and each second must have a bar of each symbol: nothing was lost or is still on
its way.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager

import numpy as np

from benchmarks.answers import WrongAnswer
from benchmarks.live import Load, Watched, feed, market_flow
from benchmarks.measuring import percentiles
from benchmarks.options import Options
from benchmarks.places import Place, embedded_place, kafka_place
from benchmarks.rows import Row
from schemas.times import SECOND_NS

_LOAD = Load(rate=100_000, symbols=1000, seconds=20, warm_s=5)
_QUICK = Load(rate=10_000, symbols=1000, seconds=5, warm_s=1)
_MAY_ADD_MS = 5.0


def run(options: Options) -> Iterator[Row]:
    """Three rows a bus; the load is fixed, for latency without its load says nothing."""
    load = _QUICK if options.quick else _LOAD
    yield from _on("embedded", embedded_place(None), load, held=not options.quick)
    if not options.quick:
        yield from _on("kafka", kafka_place(None), load, held=True)


def _on(bus: str, opened: AbstractContextManager[Place], load: Load, *, held: bool) -> Iterator[Row]:
    with opened as place:
        hop = feed(place, load, ["market.ticks"])
        check_hop(hop)
        bare = percentiles(hop.tick_latency_ms("market.ticks"))
        yield Row(f"{bus}, bare hop", bare)
        with market_flow(place) as flow:
            watched = feed(place, load, ["market.marks", "market.bars"])
            del flow
        check_marks(watched)
        check_seconds(watched)
        at_most = {"p99_ms": bare["p99_ms"] + _MAY_ADD_MS} if held else {}
        yield Row(f"{bus}, tick to mark", percentiles(watched.tick_latency_ms("market.marks")), at_most)
        yield Row(f"{bus}, tick to bar", percentiles(watched.bar_latency_ms()), at_most)


def check_hop(watched: Watched) -> None:
    """Raises WrongAnswer: not every tick was seen once."""
    wanted = len(watched.steps) * (watched.load.rate // 1000)
    found = watched.seen["market.ticks"]
    if len(found) != wanted or len(np.unique(found[["symbol", "time"]])) != wanted:
        raise WrongAnswer(f"expected {wanted} ticks, each once, saw {len(found)}")


def check_marks(watched: Watched) -> None:
    """Raises WrongAnswer: the last mark of a symbol is not that of its last tick."""
    marks = watched.seen["market.marks"]
    last: dict[bytes, int] = {}
    for symbol, time_ns in zip(marks["symbol"].tolist(), marks["time"].tolist(), strict=True):
        last[symbol] = max(time_ns, last.get(symbol, 0))
    per_step = watched.load.rate // 1000
    turn = -(-watched.load.symbols // per_step)
    late = [symbol for symbol, time_ns in last.items() if time_ns < watched.steps[-turn]]
    if late or len(last) != watched.load.symbols:
        raise WrongAnswer(
            f"expected the last marks of {watched.load.symbols} symbols, found {len(last)}, {len(late)} of them older than the last tick"
        )


def check_seconds(watched: Watched) -> None:
    """Raises WrongAnswer: a whole second lacks the bar of a symbol. Seconds that end a minute are left out: its bars end there too."""
    bars, load = watched.seen["market.bars"], watched.load
    ends, counts = np.unique(bars["time"] // SECOND_NS, return_counts=True)
    found = dict(zip(ends.tolist(), counts.tolist(), strict=True))
    turn_ns = -(-load.symbols * SECOND_NS // load.rate)
    first, last = -(-int(watched.steps[0]) // SECOND_NS), (int(watched.steps[-1]) - turn_ns) // SECOND_NS
    for end in range(first + 1, last + 1):
        if end % 60 and found.get(end, 0) != load.symbols:
            raise WrongAnswer(f"expected {load.symbols} bars of the second that ends at {end}, found {found.get(end, 0)}")
