"""What marking costs: 100,000 open positions of 1,000 accounts in 1,000 symbols, a million ticks a second of event time.

::

    operators:  ticks ──► decoder ──► shards ──► portfolio step ──► P&L encoded, split by account ──► accounts ──► balances encoded
    whole:      market.ticks ──► portfolio flow, 1 process ──► portfolio.pnl, portfolio.accounts                (embedded bus)

The positions are made by transfers, before ticks are measured. Nearly every batch of 10,000 ticks touches every symbol, so unconflated it
makes ten rows of P&L a tick; ``portfolio.conflate`` says them once in so much event time. The last P&L of each position is checked
against a plain recomputation. Of the operators also: what a fill costs, and what a snapshot of all shards takes and holds.
"""

from __future__ import annotations

import pickle
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.answers import Output
from benchmarks.measuring import run_metered
from benchmarks.options import Options
from benchmarks.places import Place, embedded_place
from benchmarks.portfolio_positions import BusyTicks, Positions
from benchmarks.progress import note
from benchmarks.rows import Row
from benchmarks.ticks import START_NS, TOPIC, preload
from operators.market.shards import split
from operators.market.watermarks import fill_watermarks
from operators.portfolio.settings import PortfolioSettings
from operators.portfolio.step import AccountsStep, PortfolioStep
from schemas.bus import Bus, Records
from schemas.event_outgoing import event_encoder
from schemas.event_reading import read_event
from schemas.events import Place as EventPlace
from schemas.pnl_codec import pnl_outgoing
from schemas.pnl_frames import AccountFrame, joined_frames, split_by_account
from schemas.symbols import SHARDS, shard_of
from schemas.tick_codec import TickDecoder
from schemas.times import SECOND_NS
from trademaster.bus import open_bus
from trademaster.bus.reading import read_to_end

EVENTS = 4_000_000
UNCONFLATED = 100_000
"""Ticks of the run that says every batch: each costs ten rows."""
CONFLATE_MS = (1_000, 250, 0)

_BUDGET_US = 2.5
_STALL_MS = 50.0

_FILLS = 1_000
"""In a batch."""

_encode_positions, _encode_balances = event_encoder("portfolio.positions"), event_encoder("portfolio.accounts")


class _Change(msgspec.Struct, rename="camel"):
    account: str
    symbol: str
    quantity: float
    unrealized_pnl: float


class _Event(msgspec.Struct):
    payload: _Change


_decode = msgspec.json.Decoder(_Event).decode


def run(options: Options) -> Iterator[Row]:
    """A row for each conflation, of the operators and of the whole."""
    for conflate_ms in CONFLATE_MS:
        events = options.count(EVENTS if conflate_ms else UNCONFLATED)
        ticks = BusyTicks(max(events, 4_000), symbols=100 if options.quick else 1_000)
        positions = Positions(1_000 if options.quick else 100_000, 10 if options.quick else 1_000, ticks)
        budget = {"cpu_us_event": _BUDGET_US} if conflate_ms and not options.quick else {}
        stall = {"snapshot_ms": _STALL_MS} if conflate_ms and not options.quick else {}
        with embedded_place(None) as place:
            bus = open_bus(place.url)
            preload(bus, ticks)
            yield Row(f"operators, conflate {conflate_ms} ms", _operators(bus, positions, conflate_ms * 1_000_000), {**budget, **stall})
            bus.close()
        if conflate_ms:
            held = budget if conflate_ms == CONFLATE_MS[0] else {}
            yield Row(f"whole, conflate {conflate_ms} ms", _whole(positions, conflate_ms), held)


class _Shards:
    """The steps of all shards, wired by hand."""

    def __init__(self, conflate_ns: int) -> None:
        settings = PortfolioSettings(conflate_ns=conflate_ns)
        self.portfolio = [PortfolioStep(settings, shard, None) for shard in range(SHARDS)]
        self.accounts = [AccountsStep(settings, shard, None) for shard in range(SHARDS)]
        self.rows = self.balances = 0

    def give(self, items: Sequence[tuple[int, Any]]) -> None:
        """Items for shards of symbols; what all made is encoded and split at once, as the engine does it."""
        outputs = [made for shard, item in items if (made := self.portfolio[shard].process(item)) is not None]
        if not outputs:
            return
        frames = split_by_account(joined_frames([AccountFrame(made.holdings, made.cash, made.pnl) for made in outputs]))
        positions = [made.positions for made in outputs if made.positions]
        if positions:
            _encode_positions(positions)
        parts = [made.pnl for made in outputs if len(made.pnl)]
        if parts:
            self.rows += len(pnl_outgoing(parts))
        balances = [said.accounts for shard, frame in frames if (said := self.accounts[shard].process(frame)) is not None]
        self.balances += len(_encode_balances(balances)) if balances else 0

    def snapshot_ms(self) -> tuple[float, float]:
        """How long a snapshot of all shards takes, pickled, and its megabytes. The second: the first makes texts that are kept."""
        took_ms, size = 0.0, 0
        steps: list[PortfolioStep | AccountsStep] = [*self.portfolio, *self.accounts]
        for _ in range(2):
            began = time.process_time()
            size = sum(len(pickle.dumps(step.snapshot(), protocol=5)) for step in steps)
            took_ms = (time.process_time() - began) * 1e3
        return took_ms, size / 1e6


def _operators(bus: Bus, positions: Positions, conflate_ns: int) -> dict[str, float]:
    note(f"operators, {positions.ticks.name}, conflate {conflate_ns / 1e6:g} ms")
    shards = _Shards(conflate_ns)
    reports = [
        read_event(EventPlace("orders.events", record.partitions[0], at), value)
        for record in positions.records()
        for at, value in enumerate(record.values)
        if value is not None
    ]
    began = time.process_time()
    items = [(shard_of(event.payload.symbol.encode()), event) for event in reports]
    for at in range(0, len(items), _FILLS):
        shards.give(items[at : at + _FILLS])
    fill_us = (time.process_time() - began) * 1e6 / len(reports)
    shards.rows = shards.balances = 0
    decoder, watermarks, spent_s = TickDecoder(), dict[int, int](), 0.0
    for batch in read_to_end(bus, TOPIC):
        began = time.process_time()
        decoded = decoder.decode(batch)
        watermarks = fill_watermarks(decoded.rows, watermarks)
        shards.give(split(decoded.rows))
        spent_s += time.process_time() - began
    snapshot_ms, snapshot_mb = shards.snapshot_ms()
    ticks = positions.ticks.events
    return {
        "cpu_us_event": spent_s * 1e6 / ticks,
        "rows_event": shards.rows / ticks,
        "balances_event": shards.balances / ticks,
        "fill_us": fill_us,
        "snapshot_ms": snapshot_ms,
        "snapshot_mb": snapshot_mb,
    }


def _whole(positions: Positions, conflate_ms: int) -> dict[str, float]:
    """The flow as a user would run it: first the transfers, then, resumed, the ticks. What starting and resuming cost is taken away.

    The outputs are compacted, so that no record tells any more when the first was written.
    """
    note(f"whole, {positions.ticks.name}, conflate {conflate_ms} ms")
    with embedded_place(None) as place, tempfile.TemporaryDirectory(prefix="trademaster-bench-") as folder:
        command = _command(place, str(Path(folder) / "recovery"), conflate_ms)
        bus = open_bus(place.url)
        positions.load(bus)
        made = run_metered([command])
        _wake(bus)
        idle = run_metered([command])
        preload(bus, positions.ticks)
        bus.close()
        output = Output(place.url, "portfolio.pnl")
        ran = run_metered([command])
        positions.check(_last(output.read()))
    ticks = positions.ticks.events
    seconds = (ran.end - ran.begin) - (idle.end - idle.begin)
    return {
        "cpu_us_event": (ran.cpu_s - idle.cpu_s) * 1e6 / ticks,
        "events_per_s": ticks / seconds,
        "fill_us": (made.cpu_s - idle.cpu_s) * 1e6 / positions.count,
        "idle_s": idle.cpu_s,
        "peak_mb": ran.meter.peak_mb("ours"),
    }


def _wake(bus: Bus) -> None:
    """A tick of nobody's symbol: the steps resume at the first they hear of, and that one goes to all as a watermark."""
    writer = bus.writer()
    tick = b'{"type":"trade","symbol":"NOBODY","timestamp":%d,"price":1.5,"size":1}' % (START_NS - SECOND_NS)
    writer.write(Records(TOPIC, [0], [b"NOBODY"], [tick]))
    writer.flush()
    writer.close()


def _last(values: Sequence[bytes]) -> dict[tuple[str, str], tuple[float, float]]:
    changes = (_decode(value).payload for value in values)
    return {(change.account, change.symbol): (change.quantity, change.unrealized_pnl) for change in changes}


def _command(place: Place, recovery: str, conflate_ms: int) -> list[str]:
    arguments = ["run", "portfolio", "--bus", place.url, "--recovery", recovery, "--quiet", "--until-end"]
    return [sys.executable, "-m", "trademaster", *arguments, "--set", f"portfolio.conflate={conflate_ms}ms"]
