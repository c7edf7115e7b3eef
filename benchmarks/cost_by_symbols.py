"""What a tick costs with 1,000, 10,000 and 100,000 symbols: state that no cache of the processor holds must not cost twice as much.

::

    whole:     market.ticks ──► market flow, 1 process ──► market.bars (1m), market.marks     (embedded bus)
    operator:  ticks ──► decoder ──► shards ──► market operator ──► bars and marks, dropped   (this process)

Of the whole, a batch makes a mark of each symbol in it: with more symbols there are more marks of fewer ticks each, which are encoded
and written. The operator alone shows what the state itself costs.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np

from benchmarks.answers import WrongAnswer
from benchmarks.market_run import run_market
from benchmarks.options import Options
from benchmarks.places import embedded_place
from benchmarks.progress import note
from benchmarks.rows import Row
from benchmarks.ticks import TOPIC, Ticks
from operators.market.shards import split
from operators.market.step import MarketStep
from operators.market.watermarks import fill_watermarks
from schemas.bus import Bus
from schemas.tick_codec import TickDecoder
from schemas.times import MINUTE_NS
from trademaster.bus import open_bus
from trademaster.bus.reading import read_to_end
from trademaster.flow_settings import flow_settings
from trademaster.settings import MarketSettings, Settings

EVENTS = 2_000_000
SYMBOLS = (1_000, 10_000, 100_000)

_TIMES_AT_MOST = 2.0


def run(options: Options) -> Iterator[Row]:
    """A row of the operator and one of the whole for each number of symbols; ratios are to the first."""
    first: dict[str, float] = {}
    for symbols in SYMBOLS:
        ticks = Ticks(max(options.count(EVENTS), 2 * symbols + 1000), symbols=symbols)
        with embedded_place(ticks) as place:
            bus = open_bus(place.url)
            # Twice: what is compiled or loaded at its first use is no cost of an event.
            operator = {"cpu_us_event": min(operator_cpu_us(bus, ticks) for _ in range(2))}
            bus.close()
            figures = run_market(place, ticks, processes=1, intervals=["1m"], sets=["market.intervals=1m"], timed_by="market.marks")
        for form, mine in (("operator", operator), ("whole", figures)):
            times = mine["cpu_us_event"] / first.setdefault(form, mine["cpu_us_event"] or float("nan"))
            at_most = {"times_first": _TIMES_AT_MOST} if form == "operator" and not options.quick else {}
            yield Row(f"{form}, {symbols:,} symbols", {"times_first": times, **mine}, at_most)


def operator_cpu_us(bus: Bus, ticks: Ticks) -> float:
    """CPU an event of decoding and of the operator; every minute bar is counted."""
    note(f"operator, {ticks.name}")
    settings = flow_settings("market", Settings(market=MarketSettings(intervals="1m")))  # type: ignore[arg-type]  # as a person writes it
    shards: dict[int, MarketStep] = {}
    decoder, watermarks = TickDecoder(), dict[int, int]()
    bars, spent_s = 0, 0.0
    for batch in read_to_end(bus, TOPIC):
        begin = time.process_time()
        decoded = decoder.decode(batch)
        watermarks = fill_watermarks(decoded.rows, watermarks)
        for shard, frame in split(decoded.rows):
            if shard not in shards:
                shards[shard] = MarketStep(settings, shard, None)
            made = shards[shard].process(frame)
            bars += len(made.bars) if made else 0
        spent_s += time.process_time() - begin
    expected = len(ticks.expected_bars(MINUTE_NS))
    if bars != expected:
        raise WrongAnswer(f"expected {expected} bars of a minute, the operator made {bars}")
    return float(np.float64(spent_s) * 1e6 / ticks.events)
