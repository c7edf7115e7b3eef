"""The whole pipeline in one run: ticks and orders in, bars, fills, positions, P&L, risk and signals out, each of them checked.

::

    market.ticks ────► market ─► bars, marks ─► signals ─► indicators
    orders.commands ─► orders ◄─► paper         portfolio ─► positions, P&L, accounts ─► risk ─► exposure, alerts
    8 partitions       1,000 symbols, 100 accounts, an order for each 430 ticks: 2,000 order events for 300,000 ticks

An order event is a command or an execution report: an order makes three. Figures are over the time from the first bar to the last event
of any topic that was written.
"""

from __future__ import annotations

import json
import random
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from decimal import Decimal
from pathlib import Path
from typing import Any

from benchmarks.answers import Output, WrongAnswer, check_bars, decode_bars
from benchmarks.market_run import market_command
from benchmarks.measuring import Ran, run_metered
from benchmarks.options import Options
from benchmarks.places import Place, embedded_place, kafka_place
from benchmarks.progress import note
from benchmarks.rows import Row
from benchmarks.ticks import START_NS, TOPIC, Ticks, preload
from schemas.bus import Records
from schemas.partitioning import partition_of
from schemas.times import MINUTE_NS
from trademaster.bus import open_bus

EVENTS = 3_000_000
FLOWS = ("market", "orders", "paper", "portfolio", "signals", "risk")
READ = (
    *("market.bars", "market.indicators", "orders.updates", "orders.events"),
    *("portfolio.positions", "portfolio.accounts", "risk.exposure", "risk.alerts", "dead.letters"),
)
TICKS_PER_ORDER = 430
EVENTS_PER_ORDER = 3
SETS = ("portfolio.conflate=1s", "risk.conflate=1s")
AT_LEAST = {"ticks_per_s": 300_000, "order_events_per_s": 2_000}
_ACCOUNTS = 100
_LIMIT = 3_000
"""Gross exposure in USD that every account passes on its way."""
_CLEAR = 0.9 * _LIMIT


class Orders:
    """Market orders of random accounts and symbols, spread evenly over the first nine tenths of the ticks; the same each time."""

    def __init__(self, ticks: Ticks) -> None:
        self._ticks = ticks
        self.count = max(1, ticks.events // TICKS_PER_ORDER)

    def write(self, place: Place) -> None:
        """Preload a bus: accounts, limits, then the commands."""
        bus = open_bus(place.url)
        writer = bus.writer()
        accounts = [f"ACC{number:03d}" for number in range(_ACCOUNTS)]
        opened = [json.dumps({"account": name, "cash": "1000000"}).encode() for name in accounts]
        writer.write(Records("control.accounts", [0] * len(opened), [name.encode() for name in accounts], opened))
        limits = [{"limitId": f"gross-{name}", "scope": "account", "account": name} for name in accounts]
        values = [json.dumps({**limit, "rule": "gross_exposure", "threshold": _LIMIT}).encode() for limit in limits]
        writer.write(Records("control.limits", [0] * len(values), [limit["limitId"].encode() for limit in limits], values))
        partitions = len(bus.partitions("orders.commands"))
        commands = list(self._commands())
        keys = [command["payload"]["orderId"].encode() for command in commands]
        places = [partition_of(command["payload"]["account"].encode(), partitions) for command in commands]
        writer.write(Records("orders.commands", places, keys, [json.dumps(command).encode() for command in commands]))
        writer.flush(60.0)
        writer.close()
        bus.close()

    def write_heartbeats(self, place: Place) -> None:
        """After the ticks, in each partition: event time goes on, so that what was conflated is said."""
        bus = open_bus(place.url)
        writer, partitions = bus.writer(), bus.partitions(TOPIC)
        beat = b'{"type":"heartbeat","timestamp":%d}' % (self._ticks.closing_ns + MINUTE_NS)
        writer.write(Records(TOPIC, partitions, [b""] * len(partitions), [beat] * len(partitions)))
        writer.flush()
        writer.close()
        bus.close()

    def _commands(self) -> Iterator[dict[str, Any]]:
        rng, names = random.Random(11), self._ticks.names
        span_ns = self._ticks.walk_ns * 9 // 10
        for number in range(self.count):
            time_ns = START_NS + span_ns * number // self.count
            order = {"command": "place", "orderId": f"O{number}", "orderType": "market", "timeInForce": "gtc"}
            order |= {"account": f"ACC{rng.randrange(_ACCOUNTS):03d}", "symbol": rng.choice(names)}
            order |= {"side": rng.choice(["buy", "sell"]), "quantity": str(rng.randrange(1, 20))}
            header = {"eventId": f"C{number}", "correlationId": f"C{number}", "eventType": "ORDER_COMMAND", "priority": 2}
            yield {"header": {**header, "timestamp": time_ns, "source": "benchmark"}, "payload": order}


def check_orders(count: int, updates: Sequence[bytes], reports: Sequence[bytes], positions: Sequence[bytes]) -> None:
    """Whether each order was filled once and each position is what its fills make.

    Raises:
        WrongAnswer: one is not.
    """
    last: dict[str, dict[str, Any]] = {}
    for update in map(_payload, updates):
        if update["version"] > last.get(update["orderId"], {"version": 0})["version"]:
            last[update["orderId"]] = update
    found = Counter(update["status"] for update in last.values())
    if found != {"FILLED": count}:
        raise WrongAnswer(f"expected {count} orders, all FILLED; found {dict(found)}")
    booked: defaultdict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for fill in {fill["executionId"]: fill for fill in map(_payload, reports) if fill["execType"] == "fill"}.values():
        booked[fill["account"], fill["symbol"]] += Decimal(fill["quantity"]) * (1 if fill["side"] == "buy" else -1)
    said = {(one["account"], one["symbol"]): Decimal(one["quantity"]) for one in map(_payload, positions)}
    if said != booked:
        wrong = [key for key in booked.keys() | said.keys() if said.get(key) != booked.get(key)]
        raise WrongAnswer(f"expected {len(booked)} positions as their fills make them; {len(wrong)} differ, such as {sorted(wrong)[:3]}")


def check_risk(balances: Sequence[bytes], exposures: Sequence[bytes], alerts: Sequence[bytes]) -> None:
    """Whether risk says of each account at its end what the portfolio says, and whether breaches and clears alternate.

    Raises:
        WrongAnswer: they do not.
    """
    held = {one["account"]: one["grossExposure"] for one in map(_payload, balances)}
    said = {one["account"]: one["grossExposure"] for one in map(_payload, exposures) if one.get("scope") == "account"}
    wrong = [name for name, gross in held.items() if abs(said.get(name, -1.0) - gross) > 1e-9 * max(1.0, gross)]
    if wrong:
        raise WrongAnswer(
            f"expected the exposure of {len(held)} accounts as their balances have it; {len(wrong)} differ: {sorted(wrong)[:3]}"
        )
    edges: defaultdict[str, list[tuple[int, str]]] = defaultdict(list)
    for alert in map(_payload, alerts):
        edges[f"{alert['limitId']}|{alert['key']}"].append((alert["episode"], alert["state"]))
    for name, gross in held.items():
        is_above = bool(edges[key := f"gross-{name}|account:{name}"]) and edges[key][-1][1] == "breach"
        if is_above != (gross > _LIMIT) and not _CLEAR < gross <= _LIMIT:
            raise WrongAnswer(f"expected the last word on {key} to agree with an exposure of {gross}, found {edges[key][-1:]}")
    for key, passed in edges.items():
        expected = [(at // 2 + 1, ("breach", "clear")[at % 2]) for at in range(len(passed))]
        if passed != expected:
            raise WrongAnswer(f"expected breaches and clears of {key} in turn, found {passed[:6]}")


def _payload(value: bytes) -> Any:
    return json.loads(value)["payload"]


def run(options: Options) -> Iterator[Row]:
    """Two rows a bus: one process and two."""
    ticks = Ticks(options.count(EVENTS), symbols=100 if options.quick else 1000)
    for name in ("embedded",) if options.quick else ("embedded", "kafka"):
        for processes in (1,) if options.quick else (1, 2):
            opening: AbstractContextManager[Place] = embedded_place(ticks) if name == "embedded" else kafka_place(None)
            with opening as place:
                if name == "kafka":
                    bus = open_bus(place.url)
                    preload(bus, ticks)
                    bus.close()
                figures = _run(place, ticks, processes)
            yield Row(f"{name}, {processes} processes", figures, at_least={} if options.quick else AT_LEAST)


def _run(place: Place, ticks: Ticks, processes: int) -> dict[str, float]:
    note(f"{', '.join(FLOWS)}; {processes} processes, {ticks.events:,} ticks")
    orders = Orders(ticks)
    orders.write(place)
    orders.write_heartbeats(place)
    outputs = {topic: Output(place.url, topic) for topic in READ}
    with tempfile.TemporaryDirectory(prefix="trademaster-bench-") as folder:
        where = str(Path(folder) / "recovery")
        command = market_command(place, where, processes=processes, until_end=True, sets=SETS, flows=FLOWS)
        ran = run_metered([command], broker=place.broker)
    said = {topic: output.read() for topic, output in outputs.items()}
    if said["dead.letters"]:
        raise WrongAnswer(f"expected no dead letter, found {len(said['dead.letters'])}, such as {said['dead.letters'][0][:500]!r}")
    check_bars(ticks, decode_bars(said["market.bars"]))
    check_orders(orders.count, said["orders.updates"], said["orders.events"], said["portfolio.positions"])
    check_risk(said["portfolio.accounts"], said["risk.exposure"], said["risk.alerts"])
    return _figures(ticks, orders, ran, outputs)


def _figures(ticks: Ticks, orders: Orders, ran: Ran, outputs: dict[str, Output]) -> dict[str, float]:
    first = outputs["market.bars"].span()[0]
    last = max(outputs[topic].span()[1] for topic in ("market.bars", "orders.updates", "portfolio.accounts", "risk.exposure"))
    steady = ticks.events * (1 - ticks.before_first_bar)
    seconds = last - first
    return {
        "ticks_per_s": steady / seconds,
        "order_events_per_s": orders.count * EVENTS_PER_ORDER / seconds,
        "cpu_us_event": ran.meter.cpu_s("ours", first, last) * 1e6 / steady,
        "broker_us_event": ran.meter.cpu_s("broker", first, last) * 1e6 / steady,
        "whole_s": ran.end - ran.begin,
        "peak_mb": ran.meter.peak_mb("ours"),
    }
