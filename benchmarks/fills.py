"""What a fill costs, from its record to the position, its P&L and its account's balance.

::

    orders.events ──► portfolio flow, 1 process ──► portfolio.positions, portfolio.pnl, portfolio.accounts
    8 partitions      100 accounts, 100 symbols, a quote of each symbol first

Two runs from the beginning, the first over a third of the fills. What the second took more is what its other fills cost: starting is in
both, and no record needs to tell when it was written, which those of compacted topics no longer do. Each position is compared with a plain
recomputation from the fills.
"""

from __future__ import annotations

import json
import random
import sys
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager
from decimal import Decimal
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from benchmarks.answers import Output, WrongAnswer
from benchmarks.measuring import Ran, run_metered
from benchmarks.options import Options
from benchmarks.places import Place, embedded_place, kafka_place
from benchmarks.rows import Row
from benchmarks.ticks import START_NS
from schemas.bus import Bus, Records
from schemas.partitioning import partition_of
from trademaster.bus import open_bus

EVENTS = 300_000
BUDGET_US = 25.0
_CHUNK = 20_000
_CENT = Decimal("0.01")


class Fill(NamedTuple):
    """One fill of the data set."""

    account: str
    symbol: str
    quantity: int
    """Below 0: sold."""
    price: Decimal


class Fills:
    """The data set: random fills, the same each time."""

    def __init__(self, count: int, accounts: int = 100, symbols: int = 100) -> None:
        self.count = count
        self._accounts, self._symbols = accounts, symbols

    def each(self) -> Iterator[Fill]:
        rng = random.Random(7)
        for _ in range(self.count):
            account, symbol = f"ACC{rng.randrange(self._accounts):03d}", f"SYM{rng.randrange(self._symbols):04d}"
            yield Fill(account, symbol, rng.choice((-1, 1)) * rng.randrange(1, 500), rng.randrange(9_000, 11_000) * _CENT)

    def write_quotes(self, bus: Bus) -> None:
        """A quote of each symbol."""
        writer = bus.writer()
        names = [f"SYM{number:04d}" for number in range(self._symbols)]
        ticks = [b'{"type":"quote","symbol":"%s","timestamp":%d,"bid":99.99,"ask":100.01}' % (name.encode(), START_NS) for name in names]
        places = [partition_of(name.encode(), len(bus.partitions("market.ticks"))) for name in names]
        writer.write(Records("market.ticks", places, [name.encode() for name in names], ticks))
        writer.flush(120.0)
        writer.close()

    def write(self, bus: Bus, first: int, end: int) -> None:
        """The fills from ``first`` to before ``end``."""
        writer = bus.writer()
        partitions, records = len(bus.partitions("orders.events")), list(islice(enumerate(self.each()), first, end))
        for at in range(0, len(records), _CHUNK):
            some = records[at : at + _CHUNK]
            keys = [b"E%d" % number for number, _ in some]
            chosen = [partition_of(fill.symbol.encode(), partitions) for _, fill in some]
            writer.write(Records("orders.events", chosen, keys, [_report(number, fill) for number, fill in some]))
        writer.flush(120.0)
        writer.close()

    def check(self, published: list[bytes]) -> None:
        """Whether the last word on each position is right.

        Raises:
            WrongAnswer: one is missing, or is another.
        """
        books: dict[tuple[str, str], tuple[Fraction, Fraction, Fraction]] = {}
        for fill in self.each():
            key = fill.account, fill.symbol
            books[key] = _booked(*books.get(key, (Fraction(0), Fraction(0), Fraction(0))), fill)
        found = {(said["account"], said["symbol"]): said for said in (json.loads(value)["payload"] for value in published)}
        if found.keys() != books.keys():
            raise WrongAnswer(f"expected {len(books)} positions, found {len(found)}")
        for key, (quantity, _, realized) in books.items():
            said = found[key]
            if Fraction(said["quantity"]) != quantity or abs(Fraction(said["realizedPnl"]) - realized) > Fraction(1, 10**9):
                raise WrongAnswer(f"expected {float(quantity)} and {float(realized)} of {key}, found {said}")


def _booked(quantity: Fraction, cost: Fraction, realized: Fraction, fill: Fill) -> tuple[Fraction, Fraction, Fraction]:
    """Average cost: quantity, cost and realised P&L after a fill."""
    price, left = Fraction(fill.price), Fraction(fill.quantity)
    if quantity * left < 0:
        closed = -left if abs(left) <= abs(quantity) else quantity
        taken = cost * closed / quantity
        realized += closed * price - taken
        quantity, cost, left = quantity - closed, cost - taken, left + closed
    return quantity + left, cost + left * price, realized


def _report(number: int, fill: Fill) -> bytes:
    time_ns = START_NS + 1 + number
    header = {"eventId": f"E{number}", "correlationId": f"O{number}", "eventType": "EXECUTION_REPORT", "priority": 2}
    payload = {"execType": "fill", "account": fill.account, "symbol": fill.symbol, "venue": "X", "orderId": f"O{number}"}
    payload |= {"executionId": f"E{number}", "side": "buy" if fill.quantity > 0 else "sell"}
    payload |= {"quantity": str(abs(fill.quantity)), "price": str(fill.price), "fee": "0"}
    return json.dumps({"header": {**header, "timestamp": time_ns, "source": "benchmark"}, "payload": payload}).encode()


def run(options: Options) -> Iterator[Row]:
    """A row for each bus."""
    fills = Fills(options.count(EVENTS), symbols=20 if options.quick else 100)
    places: dict[str, AbstractContextManager[Place]] = {"embedded": embedded_place(None)}
    if not options.quick:
        places["kafka"] = kafka_place(None)
    for name, opening in places.items():
        with opening as place:
            budget = {} if options.quick else {"cpu_us_event": BUDGET_US}
            yield Row(f"{name}, {fills.count:,} fills", _run(place, fills), budget)


def _run(place: Place, fills: Fills) -> dict[str, float]:
    output, some = Output(place.url, "portfolio.positions"), fills.count // 3
    bus = open_bus(place.url)
    fills.write_quotes(bus)
    fills.write(bus, 0, some)
    few = _run_over_all(place)
    fills.write(bus, some, fills.count)
    bus.close()
    every = _run_over_all(place)
    fills.check(output.read())
    more = fills.count - some
    return {
        "events_per_s": more / ((every.end - every.begin) - (few.end - few.begin)),
        "cpu_us_event": (every.cpu_s - few.cpu_s) * 1e6 / more,
        "broker_us_event": (every.meter.cpu_s("broker") - few.meter.cpu_s("broker")) * 1e6 / more,
        "start_s": few.cpu_s - (every.cpu_s - few.cpu_s) * some / more,
        "peak_mb": every.meter.peak_mb("ours"),
    }


def _run_over_all(place: Place) -> Ran:
    """The flow over all that the bus holds, with no state."""
    with tempfile.TemporaryDirectory(prefix="trademaster-bench-") as folder:
        where = ("--bus", place.url, "--recovery", str(Path(folder) / "recovery"), "--quiet", "--until-end")
        return run_metered([[sys.executable, "-m", "trademaster", "run", "portfolio", *where]], broker=place.broker)
