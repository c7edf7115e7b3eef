"""Orders go round a cycle of flows through the bus; whatever is killed, no order has two outcomes and nothing is executed twice.

What is refused stays refused, no position is beyond its limit, and a halt cancels what is open.
"""

from __future__ import annotations

import os
import random
import subprocess
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from schemas.control import Account, Limit, Trading
from schemas.event_outgoing import event_encoder
from schemas.events import NOWHERE, Event, EventType, Header
from schemas.orders import OrderCommand
from schemas.symbols import SYMBOLS
from schemas.times import format_time
from sources.simulator import Law, Simulator
from tests.engine.books import TERMINAL, check_cash, check_orders, check_positions, fills_of, latest
from tests.engine.running import FAST, by_id, command, events, family, kill, wait_until, write_control, write_ticks
from trademaster.bus import open_bus

SEED = int(os.environ.get("TRADEMASTER_TEST_SEED", "5"))
KILLS = 10
ROUNDS = 60
ACCOUNTS = {f"ACC{number}": Decimal(1_000_000) for number in range(5)}
POSITION_LIMIT = 400
HALTED = range(ROUNDS // 3, ROUNDS // 3 + 6)
"""Rounds in which nobody may trade."""

FLOWS = ("market", "orders", "paper", "portfolio")
FEES = ("--set", "paper.fee_per_share=0.005", "--set", "paper.fee_rate=0.0001", "--set", "paper.participation=0.5")

_encode = event_encoder("orders.commands")


class Trader:
    """Sends random commands; each has an id of its own."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._count = 0
        self._open: list[tuple[str, str]] = []

    def commands(self, prices: dict[str, float], time_ns: int) -> Iterator[Event[OrderCommand]]:
        rng = self._rng
        for _ in range(rng.randrange(1, 8)):
            self._count += 1
            name = f"C{self._count}"
            if self._open and rng.random() < 0.3:
                account, order_id = rng.choice(self._open)
                given: dict[str, Any] = {"order_id": order_id, "command": rng.choice(["cancel", "replace"])}
                if given["command"] == "replace":
                    given |= {"quantity": Decimal(rng.randrange(1, 300))}
            else:
                account, symbol = rng.choice(list(ACCOUNTS)), rng.choice(list(prices))
                given = {"order_id": f"O{self._count}", "command": "place", "symbol": symbol, **self._order(prices[symbol])}
                self._open = [*self._open[-30:], (account, given["order_id"])]
            yield self._event(OrderCommand(account=account, idempotency_key=name, **given), name, time_ns)

    def cancel_all(self, time_ns: int) -> Iterator[Event[OrderCommand]]:
        for account in ACCOUNTS:
            yield self._event(OrderCommand("cancel_all", account), f"end-{account}", time_ns)

    def _order(self, price: float) -> dict[str, Any]:
        rng = self._rng
        kind = rng.choice(["market", "limit", "limit", "stop"])
        near = Decimal(repr(round(price * rng.uniform(0.999, 1.001), 2)))
        return {
            "side": rng.choice(["buy", "sell"]),
            "quantity": Decimal(rng.randrange(1, 300)),
            "order_type": kind,
            "time_in_force": rng.choice(["gtc", "ioc"]) if kind != "stop" else "gtc",
            **({"price": near} if kind == "limit" else {"stop_price": near} if kind == "stop" else {}),
        }

    @staticmethod
    def _event(order: OrderCommand, name: str, time_ns: int) -> Event[OrderCommand]:
        header = Header(name, name, EventType.ORDER_COMMAND, 2, format_time(time_ns), "test")
        return Event(header, order, time_ns, NOWHERE)


class Answers:
    """Follows what is said of orders, so that the market does not run away from whoever answers slowly."""

    def __init__(self, url: str) -> None:
        self._bus = open_bus(url, patience_s=10)
        self._reader = self._bus.reader("orders.updates")
        self._known: set[str] = set()

    def await_any(self, order_ids: set[str]) -> None:
        wait_until(lambda: not order_ids or order_ids & self._look(), "an order is answered")

    def await_all(self, order_ids: set[str]) -> None:
        wait_until(lambda: order_ids <= self._look(), "orders are answered", 120)

    def _look(self) -> set[str]:
        while (batch := self._reader.poll(1000, 0.0)) is not None:
            self._known |= {msgspec.json.decode(value)["payload"]["orderId"] for value in batch.values()}
        return self._known

    def close(self) -> None:
        self._reader.close()
        self._bus.close()


def write_commands(url: str, commands: list[Event[OrderCommand]]) -> None:
    bus = open_bus(url)
    writer = bus.writer()
    writer.write(_encode([commands]).records(len(bus.partitions("orders.commands"))))
    writer.flush()
    writer.close()
    bus.close()


def switch(url: str, state: Any) -> None:
    write_control(url, "control.trading", b"firm", msgspec.json.encode(Trading("firm", state)))


def start(url: str, recovery: Path, processes: int) -> subprocess.Popen[bytes]:
    where = ("--bus", url, "--recovery", str(recovery), "--processes", str(processes), "--quiet")
    return subprocess.Popen(command("run", *FLOWS, *where, *FAST, *FEES), stderr=subprocess.DEVNULL)


def test_killed_again_and_again_every_order_has_one_history(own_bus: str, tmp_path: Path) -> None:
    rng, trader = random.Random(SEED), Trader(random.Random(SEED))
    for account, cash in ACCOUNTS.items():
        write_control(own_bus, "control.accounts", account.encode(), msgspec.json.encode(Account(account, cash=cash)))
        limit = Limit(account, "position", "account", Decimal(POSITION_LIMIT), account)
        write_control(own_bus, "control.limits", account.encode(), msgspec.json.encode(limit))
    market = Simulator(6, rate=200, seed=SEED, law=Law(zipf=0.2, volatility=(0.5, 1.0)))
    blocks = market.blocks((ROUNDS + 400) * 100, 100)
    process, prices, kills = start(own_bus, tmp_path / "recovery", 1), dict[str, float](), set(rng.sample(range(2, ROUNDS), KILLS))
    newest, restarts, answers = 0, 0, Answers(own_bus)
    try:
        for round_number in range(ROUNDS):
            if round_number in (HALTED.start, HALTED.stop):
                switch(own_bus, "HALTED" if round_number in HALTED else "ACTIVE")
            block = next(blocks)
            prices |= {SYMBOLS.names[row["symbol"]]: float(row["price"]) for row in block if row["price"] == row["price"]}
            newest = write_ticks(own_bus, [block])
            commands = list(trader.commands(prices, newest))
            write_commands(own_bus, commands)
            placed = {str(command.payload.order_id) for command in commands if command.payload.command == "place"}
            if round_number in kills:
                answers.await_any(placed)
                restarts += 1
                # A supervisor waits longer after each death; another one begins anew.
                victim = process.pid if restarts % 3 == 0 else rng.choice(family(process))
                kill(victim)
                if victim == process.pid:
                    process.wait()
                    process = start(own_bus, tmp_path / "recovery", rng.choice([1, 1, 2, 3]))
            answers.await_all(placed)
        write_commands(own_bus, list(trader.cancel_all(newest)))

        def settled() -> bool:
            write_ticks(own_bus, [next(blocks)])
            states = latest(events(own_bus, "orders.updates"), "account", "orderId")
            return all(state["status"] in TERMINAL for state in states.values())

        wait_until(settled, "every order is done", 120)
        fills = fills_of(by_id(events(own_bus, "orders.events")).values())
        wait_until(lambda: _positions_follow(own_bus, len(fills)), "positions follow", 60)
        process.terminate()
        assert process.wait(60) == 0
    finally:
        answers.close()
        if process.poll() is None:
            process.kill()
            process.wait()
    check(own_bus)


def _positions_follow(url: str, fills: int) -> bool:
    found = latest(events(url, "portfolio.positions"), "account", "symbol")
    return sum(int(payload["version"]) for payload in found.values()) == fills


def check(url: str) -> None:
    reports = list(by_id(events(url, "orders.events")).values())
    updates = list(by_id(events(url, "orders.updates")).values())
    fills = fills_of(reports)
    assert len(fills) > ROUNDS, "there was trading"
    assert len({fill["executionId"] for fill in fills}) == len(fills)
    check_orders(updates, fills)
    check_limits(fills)
    check_critical(updates, by_id(events(url, "risk.alerts")))
    published = events(url, "portfolio.positions")
    by_id(published)
    check_positions(published, fills)
    check_cash(events(url, "portfolio.accounts"), fills, ACCOUNTS)


def check_limits(fills: list[Any]) -> None:
    """Fills of a symbol are in their order, so each position is what it was."""
    positions: dict[tuple[str, str], Decimal] = {}
    for fill in fills:
        key = fill["account"], fill["symbol"]
        quantity = Decimal(fill["quantity"])
        positions[key] = positions.get(key, Decimal(0)) + (quantity if fill["side"] == "buy" else -quantity)
        assert abs(positions[key]) <= POSITION_LIMIT, key


def check_critical(updates: list[Any], alerts: dict[str, Any]) -> None:
    """What was refused by a limit or cancelled by the halt stands on both topics, and ended each order."""
    kinds = ("ORDER_REJECTED_CRITICAL", "ORDER_CANCELLED_SYSTEM")
    critical = [update for update in updates if update["header"]["eventType"] in kinds]
    assert {update["header"]["eventType"] for update in critical} == set(kinds), "the limit refused, and the halt cancelled"
    assert all(alerts[update["header"]["eventId"]] == update for update in critical)
    refused = [update["payload"] for update in updates if update["payload"]["status"] == "REJECTED" and update["payload"]["version"]]
    assert all(update["filledQuantity"] == "0" for update in refused)
    halts = [update["payload"]["reason"] for update in critical if str(update["payload"]["reason"]).startswith("TRADING_HALTED")]
    assert halts, "orders were refused by the halt"
