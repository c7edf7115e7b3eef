"""The positions that benchmarks of the portfolio mark, and what they must be worth at the end, in plain decimals."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from benchmarks.answers import WrongAnswer
from benchmarks.ticks import START_NS, Ticks
from schemas.bus import Bus, Records
from schemas.partitioning import partition_of
from schemas.times import SECOND_NS, format_time

TOPIC = "orders.events"
_CHUNK = 20_000
_CENT = Decimal("0.01")


@dataclass(frozen=True)
class Positions:
    """A data set: so many positions spread evenly over accounts and symbols, each made by one transfer at a round price."""

    count: int
    accounts: int
    ticks: Ticks
    partitions: int = 8

    def each(self) -> Iterator[tuple[str, str, int, Decimal]]:
        """Account, symbol, signed quantity, price."""
        names = self.ticks.names
        for at in range(self.count):
            account, symbol = at % self.accounts, (at // self.accounts + at * 7) % len(names)
            quantity = (1 + at % 9) * 100 * (1 if at % 3 else -1)
            yield f"ACC{account:04d}", names[symbol], quantity, Decimal(2000 + at * 31 % 50_000) * _CENT

    def reports(self) -> Iterator[tuple[str, dict[str, object]]]:
        """Symbol and payload of each report."""
        when = format_time(START_NS - SECOND_NS)
        for at, (account, symbol, quantity, price) in enumerate(self.each()):
            side = "buy" if quantity > 0 else "sell"
            what = {"execType": "transfer", "account": account, "symbol": symbol, "executionId": f"T{at}", "side": side}
            yield symbol, {**what, "quantity": str(abs(quantity)), "price": str(price), "timestamp": when}

    def records(self) -> Iterator[Records]:
        """As they stand on the bus."""
        keys: list[bytes] = []
        values: list[bytes] = []
        places: list[int] = []
        for at, (symbol, payload) in enumerate(self.reports()):
            header = {"eventId": f"T{at}", "correlationId": f"T{at}", "eventType": "EXECUTION_REPORT", "priority": 2}
            header |= {"timestamp": str(payload["timestamp"]), "source": "benchmark", "version": "1"}
            keys.append(f"T{at}".encode())
            values.append(json.dumps({"header": header, "payload": payload, "targetService": None}).encode())
            places.append(partition_of(symbol.encode(), self.partitions))
            if len(keys) == _CHUNK or at == self.count - 1:
                yield Records(TOPIC, places, keys, values)
                keys, values, places = [], [], []

    def load(self, bus: Bus) -> None:
        """Write all reports to a bus."""
        writer = bus.writer()
        try:
            for records in self.records():
                writer.write(records)
            writer.flush(120.0)
        finally:
            writer.close()

    def last_prices(self) -> dict[str, Decimal]:
        """The last trade of each symbol."""
        last: dict[str, Decimal] = {}
        for chunk in self.ticks.columns():
            ended = chunk.group_by("symbol", maintain_order=True).last()
            last.update((symbol, Decimal(str(price))) for symbol, price in ended.select("symbol", "price").rows())
        return last

    def check(self, found: Mapping[tuple[str, str], tuple[float, float]]) -> None:
        """Whether the last quantity and P&L of every position are right, to the cent.

        Raises:
            WrongAnswer: a position is missing, or is another.
        """
        last = self.last_prices()
        quantities: dict[tuple[str, str], int] = {}
        worth: dict[tuple[str, str], Decimal] = {}
        for account, symbol, quantity, price in self.each():
            key = account, symbol
            quantities[key] = quantities.get(key, 0) + quantity
            worth[key] = worth.get(key, Decimal(0)) + (last[symbol] - price) * quantity
        if found.keys() != quantities.keys():
            raise WrongAnswer(f"expected the P&L of {len(quantities)} positions, found that of {len(found)}")
        wrong = [
            (key, values, quantities[key], worth[key])
            for key, values in found.items()
            if values[0] != quantities[key] or not np.isclose(values[1], float(worth[key]), rtol=1e-9, atol=0.005)
        ]
        if wrong:
            raise WrongAnswer(f"expected every position's P&L to be that of a plain recomputation; {len(wrong)} differ, such as {wrong[0]}")


@dataclass(frozen=True)
class BusyTicks(Ticks):
    """A million ticks a second of event time."""

    @property
    def name(self) -> str:
        return f"busy-{super().name}"

    @property
    def _step_ns(self) -> int:
        return 1_000
