"""From a tick to the alert that it makes readable, under an even load of 100,000 ticks a second, on both buses.

::

    bare hop:  writer ──► market.ticks ──► watcher
    ours:      writer ──► market.ticks ──► market, portfolio, risk ──► risk.alerts ──► watcher
                          orders.events: positions that are opened meanwhile, each under a stop, and closed after two seconds

Two kinds: RISK_LIMIT_BREACH of accounts whose gross exposure passes its limit up and down with every second tick of what they hold, and
STOP_LOSS_TRIGGERED of positions in symbols whose price stands below the stop at every second tick. Each has the time of its tick. Of a
limit breaches and clears must alternate; each stop must have fired once.
"""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager

import numpy as np
import numpy.typing as npt

from benchmarks.answers import WrongAnswer
from benchmarks.latency import check_hop
from benchmarks.live import Load, Watched, feed, market_flow
from benchmarks.measuring import percentiles
from benchmarks.options import Options
from benchmarks.paced_writer import now_ns, prices_of, symbol_name
from benchmarks.places import Place, embedded_place, kafka_place
from benchmarks.rows import Row
from benchmarks.ticks import START_NS
from schemas.bus import Bus, Records
from schemas.partitioning import partition_of
from schemas.times import SECOND_NS
from trademaster.bus import open_bus

FLOWS = ("market", "portfolio", "risk")
_LOAD = Load(rate=100_000, symbols=1000, seconds=20, warm_s=5)
_QUICK = Load(rate=10_000, symbols=1000, seconds=5, warm_s=1)
SETS = ("portfolio.conflate=100ms",)
"""What the lane of P&L and balances allows; limits on exposures and stops wait for neither."""
_MAY_ADD_MS = 5.0
_LIMITED = 20
"""Accounts with a limit, each with one symbol."""
_STOPPED = range(500, 600)
"""Symbols with a stop."""
_QUANTITY = 100
_OPEN_EVERY_S = 0.01
_OPEN_AT_ONCE = 200
"""Positions that stand open; an older one is closed, as a stop closes what it fired for."""
_SURELY_NS = 3 * SECOND_NS
"""A position that was opened so long before the last tick must have met its stop."""


def run(options: Options) -> Iterator[Row]:
    """Three rows a bus."""
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
        _limit(place)
        with market_flow(place, SETS, FLOWS):
            with opening_positions(place) as opener:
                watched = feed(place, load, ["risk.alerts"])
            at_most = {"p99_ms": bare["p99_ms"] + _MAY_ADD_MS} if held else {}
        yield Row(f"{bus}, tick to RISK_LIMIT_BREACH", percentiles(_breaches(watched)), at_most)
        yield Row(f"{bus}, tick to STOP_LOSS_TRIGGERED", percentiles(_stops(watched, opener.times)), at_most)


def _limit(place: Place) -> None:
    """Accounts with a position and a limit between its two values, and stops between the two prices of some symbols."""
    limits, reports = [], []
    for code in range(_LIMITED):
        low, high = (price * _QUANTITY for price in prices_of(code))
        threshold, clear = round((low + high) / 2, 4), round(low + (high - low) / 4, 4)
        where = {"limitId": f"gross-{code}", "rule": "gross_exposure", "scope": "account", "account": f"A{code}"}
        limits.append({**where, "threshold": threshold, "clear": clear})
        reports.append(opening(f"A{code}", code, START_NS))
    for code in _STOPPED:
        where = {"limitId": f"stop-{code}", "rule": "stop_loss", "scope": "symbol", "symbol": symbol_name(code)}
        limits.append({**where, "threshold": round(sum(prices_of(code)) / 2, 4)})
    bus = open_bus(place.url)
    writer = bus.writer()
    values = [json.dumps(limit).encode() for limit in limits]
    writer.write(Records("control.limits", [0] * len(limits), [str(limit["limitId"]).encode() for limit in limits], values))
    writer.write(_records(bus, reports))
    writer.flush()
    writer.close()
    bus.close()


def opening(account: str, code: int, time_ns: int) -> tuple[str, bytes]:
    """Symbol and report of a position that is moved into an account above its stop."""
    return _transfer("buy", account, code, time_ns)


def closing(account: str, code: int, time_ns: int) -> tuple[str, bytes]:
    """Symbol and report of that position when it is moved out again."""
    return _transfer("sell", account, code, time_ns)


def _transfer(side: str, account: str, code: int, time_ns: int) -> tuple[str, bytes]:
    symbol, (_, price) = symbol_name(code), prices_of(code)
    identity = f"{side}-{account}"
    header = {"eventId": identity, "correlationId": account, "eventType": "EXECUTION_REPORT", "priority": 2}
    payload = {"execType": "transfer", "account": account, "symbol": symbol, "executionId": identity, "side": side}
    payload |= {"quantity": str(_QUANTITY), "price": str(price)}
    return symbol, json.dumps({"header": {**header, "timestamp": time_ns, "source": "benchmark"}, "payload": payload}).encode()


def _records(bus: Bus, reports: Sequence[tuple[str, bytes]]) -> Records:
    partitions = len(bus.partitions("orders.events"))
    places = [partition_of(symbol.encode(), partitions) for symbol, _ in reports]
    return Records("orders.events", places, [b"O"] * len(reports), [report for _, report in reports])


class Opener(threading.Thread):
    """Opens a position now and then, each in an account of its own, and closes the oldest."""

    def __init__(self, place: Place) -> None:
        super().__init__(name="opener", daemon=True)
        self._place = place
        self.over = threading.Event()
        self.times: list[int] = []
        """When each was opened, Unix ns."""

    def run(self) -> None:
        bus = open_bus(self._place.url)
        writer = bus.writer()
        while not self.over.wait(_OPEN_EVERY_S):
            number = len(self.times)
            self.times.append(now_ns())
            reports = [opening(f"S{number}", code_of(number), self.times[-1])]
            if number >= _OPEN_AT_ONCE:
                reports.append(closing(f"S{number - _OPEN_AT_ONCE}", code_of(number - _OPEN_AT_ONCE), self.times[-1]))
            writer.write(_records(bus, reports))
            writer.flush()
        writer.close()
        bus.close()


def code_of(number: int) -> int:
    """The symbol of a position that is opened."""
    return _STOPPED[number % len(_STOPPED)]


@contextmanager
def opening_positions(place: Place) -> Iterator[Opener]:
    """Positions are opened as long as it is entered."""
    opener = Opener(place)
    opener.start()
    try:
        yield opener
    finally:
        opener.over.set()
        opener.join()


def _breaches(watched: Watched) -> npt.NDArray[np.float64]:
    """Latencies of breaches and clears of limits.

    Raises:
        WrongAnswer: they do not alternate, or an account made none.
    """
    rows = watched.seen["risk.alerts"]
    rows = rows[np.char.startswith(rows["symbol"], b"A")]
    for account in np.unique(rows["symbol"]):
        kinds = rows["kind"][rows["symbol"] == account]
        if (kinds[1:] == kinds[:-1]).any():
            raise WrongAnswer(f"expected breaches and clears of {account.decode()} in turn, found {kinds[:10].tolist()}")
    if len(np.unique(rows["symbol"])) != _LIMITED:
        raise WrongAnswer(f"expected breaches of {_LIMITED} accounts, found {len(np.unique(rows['symbol']))}")
    return _latency_ms(watched, rows)


def _stops(watched: Watched, opened: Sequence[int]) -> npt.NDArray[np.float64]:
    """Latencies of stops.

    Raises:
        WrongAnswer: one fired twice, or not though ticks came for long enough after its position.
    """
    rows = watched.seen["risk.alerts"]
    rows = rows[np.char.startswith(rows["symbol"], b"S")]
    fired = Counter(rows["symbol"].tolist())
    twice = [account for account, count in fired.items() if count > 1]
    first, last = (
        int(watched.steps[0]),
        int(watched.steps[-1]) - _SURELY_NS,
    )  # what was opened before may have met an older price, unwatched
    due = [f"S{number}".encode() for number, time_ns in enumerate(opened) if first < time_ns < last]
    missing = [account for account in due if account not in fired]
    if twice or missing:
        raise WrongAnswer(f"expected {len(due)} stops, each once; {len(missing)} did not fire, {len(twice)} fired more than once")
    return _latency_ms(watched, rows)


def _latency_ms(watched: Watched, rows: npt.NDArray[np.void]) -> npt.NDArray[np.float64]:
    rows = rows[rows["time"] >= watched.measured_from_ns]
    return np.asarray((rows["seen"] - rows["time"]) / 1e6, np.float64)
