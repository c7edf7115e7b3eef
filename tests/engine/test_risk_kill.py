"""Whatever is killed, no breach is said twice, none loses its clear, and episodes are numbered without a gap."""

from __future__ import annotations

import os
import random
import subprocess
from collections import defaultdict
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from schemas.bus import Records
from schemas.control import Account, Limit
from schemas.event_outgoing import event_encoder
from schemas.events import NOWHERE, Event, EventType, Header
from schemas.orders import ExecType, ExecutionReport
from schemas.symbols import SYMBOLS
from schemas.times import format_time
from sources.simulator import Law, Simulator
from tests.engine.books import latest
from tests.engine.running import FAST, by_id, command, events, family, kill, wait_until, write_control, write_ticks
from trademaster.bus import open_bus

SEED = int(os.environ.get("TRADEMASTER_TEST_SEED", "5"))
KILLS, ROUNDS = 7, 50
ACCOUNTS = ("ACC0", "ACC1", "ACC2")
FLOWS = ("market", "portfolio", "risk")

LIMITS = [
    Limit("position", "position", "account", Decimal(25), account="ACC0"),
    Limit("gross", "gross_exposure", "account", Decimal(5_000), account="ACC1"),
    Limit("net", "net_exposure", "firm", Decimal(4_000)),
    Limit("weight", "concentration", "firm", Decimal("0.35")),
    Limit("day", "daily_loss", "account", Decimal(1), account="ACC2"),
    Limit("stop", "trailing_stop", "firm", Decimal("0.001")),
    Limit("halt", "position", "symbol", Decimal(40), symbol="SIM0001", on_breach="halt"),
]


def fills(rng: random.Random, prices: dict[str, float], time_ns: int) -> list[Event[ExecutionReport]]:
    found = []
    for _ in range(rng.randrange(1, 6)):
        name, symbol = f"F{rng.getrandbits(60):x}", rng.choice(sorted(prices))
        amounts = (Decimal(rng.randrange(1, 40)), Decimal(repr(round(prices[symbol], 2))))
        report = ExecutionReport(
            ExecType.FILL, rng.choice(ACCOUNTS), symbol, "V", None, name, None, rng.choice(["buy", "sell"]), *amounts, timestamp=time_ns
        )
        header = Header(name, name, EventType.EXECUTION_REPORT, 2, format_time(time_ns), "test")
        found.append(Event(header, report, time_ns, NOWHERE))
    return found


def write_fills(url: str, reports: list[Event[ExecutionReport]]) -> None:
    bus = open_bus(url)
    writer = bus.writer()
    records: Records = event_encoder("orders.events")([reports]).records(len(bus.partitions("orders.events")))  # type: ignore[assignment]
    writer.write(records)
    writer.flush()
    writer.close()
    bus.close()


def put(url: str, limit: Limit) -> None:
    write_control(url, "control.limits", limit.limit_id.encode(), msgspec.json.encode(limit))


def start(url: str, recovery: Path, processes: int) -> subprocess.Popen[bytes]:
    where = ("--bus", url, "--recovery", str(recovery), "--processes", str(processes), "--quiet")
    return subprocess.Popen(command("run", *FLOWS, *where, *FAST), stderr=subprocess.DEVNULL)


def test_killed_again_and_again_breach_and_clear_take_turns(own_bus: str, tmp_path: Path) -> None:
    rng = random.Random(SEED)
    for account in ACCOUNTS:
        write_control(own_bus, "control.accounts", account.encode(), msgspec.json.encode(Account(account, cash=Decimal(1_000_000))))
    for limit in LIMITS:
        put(own_bus, limit)
    market = Simulator(5, rate=200, seed=SEED, law=Law(zipf=0.2, volatility=(0.5, 1.0)))
    blocks = market.blocks((ROUNDS + 1) * 100, 100)
    process, prices, written = start(own_bus, tmp_path / "recovery", 1), dict[str, float](), 0
    kills = set(rng.sample(range(5, ROUNDS), KILLS))
    try:
        for round_number in range(ROUNDS):
            block = next(blocks)
            prices |= {SYMBOLS.names[row["symbol"]]: float(row["price"]) for row in block if row["price"] == row["price"]}
            newest = write_ticks(own_bus, [block])
            wait_until(partial(has_applied, own_bus, written), "positions follow")
            reports = fills(rng, prices, newest)
            write_fills(own_bus, reports)
            written += len(reports)
            if rng.random() < 0.2:
                put(own_bus, msgspec.structs.replace(rng.choice(LIMITS), enabled=rng.random() < 0.5))
            if round_number in kills:
                victim = rng.choice(family(process))
                kill(victim)
                if victim == process.pid:
                    process.wait()
                    process = start(own_bus, tmp_path / "recovery", rng.choice([1, 2, 3]))
        for limit in LIMITS:
            put(own_bus, msgspec.structs.replace(limit, enabled=False))
        wait_until(lambda: is_done(own_bus, written), "all is said", 120)
        process.terminate()
        assert process.wait(60) == 0
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    check(own_bus)


def applied(url: str) -> int:
    """Fills that are in the positions."""
    return sum(int(payload["version"]) for payload in latest(events(url, "portfolio.positions"), "account", "symbol").values())


def has_applied(url: str, wanted: int) -> bool:
    return applied(url) >= wanted


def is_done(url: str, fills_written: int) -> bool:
    removed = {event["payload"]["subject"] for event in events(url, "audit") if not (event["payload"]["after"] or {}).get("enabled", True)}
    return applied(url) == fills_written and len(removed) >= len(LIMITS) and not [turn for turn in turns(url).values() if len(turn) % 2]


def turns(url: str) -> dict[tuple[str, str], list[tuple[int, str]]]:
    """Of each limit and key what was said; stops have no clear."""
    found: dict[tuple[str, str], list[tuple[int, str]]] = defaultdict(list)
    for event in events(url, "risk.alerts"):
        payload: dict[str, Any] = event["payload"]
        if "alertId" in payload and payload["rule"] != "trailing_stop":
            found[payload["limitId"], payload["key"]].append((payload["episode"], payload["state"]))
    return found


def check(url: str) -> None:
    alerts = events(url, "risk.alerts")
    assert len(by_id(alerts)) == len(alerts), "nothing is said twice"
    found = turns(url)
    assert len(found) > 6, "limits were passed"
    for key, said in found.items():
        assert said == [(at // 2 + 1, "clear" if at % 2 else "breach") for at in range(len(said))], key
    by_id(events(url, "risk.exposure"))
    by_id(events(url, "audit"))
    by_id(events(url, "control.trading"))
    halted = {event["header"]["eventId"] for event in events(url, "control.trading") if "header" in event}
    wanted = {f"halt|{event['payload']['alertId']}" for event in alerts if event["payload"].get("limitId") == "halt"}
    assert wanted
    assert halted == wanted, "each breach halts"
    updates = [event for event in events(url, "risk.exposure") if event["header"]["eventType"] == "EXPOSURE_UPDATE"]
    exposures: dict[Any, Any] = latest(updates, "account")
    accounts = [exposures[account,]["grossExposure"] for account in ACCOUNTS]
    assert abs(exposures[None,]["grossExposure"] - sum(accounts)) < 1e-6
