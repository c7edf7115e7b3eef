"""Signals and their orders are the same whatever is killed, with whatever number of processes, and whoever makes the bars."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from schemas.times import SECOND_NS
from sources.simulator import Law, Simulator
from tests.engine.running import FAST, by_id, events, run_market, write_heartbeats, write_ticks
from tests.engine.test_kill import disturb

TICKS = 12_000
KILLS = 3
SEED = int(os.environ.get("TRADEMASTER_TEST_SEED", "5"))
SMALL = ("--set", "engine.max_batch=80")
FLOWS = ("market", "signals")
OUTPUTS = ("market.indicators", "signals", "orders.commands", "dead.letters")
STRATEGIES = [
    "cross: sma(2) > ema(5) ? 'buy' : sma(2) < ema(5) ? 'sell' : 'flat'",
    "flow: ofi > 0 && microprice > close ? 'buy' : vpin(500,4) > 0.6 ? 'flat' : last",
    "pair: correlation(3,SIM0001) > 0 ? 'buy' : 'flat'",
    "dividing: 1 / (close - open) > 0 ? 'buy' : 'sell'",
]
SET = (
    *("--set", "signals.indicators=sma(2),rsi(3),ofi,macd(2,4,3)"),
    *("--set", f"signals.strategies={json.dumps(STRATEGIES)}"),
    *("--set", "signals.account=ACC", "--set", "signals.quantity=2.5", "--set", "market.intervals=1s,4s"),
)


def run_in_stages(url: str, recovery: Path) -> None:
    """Trades and quotes of many symbols, in two parts; the second is processed with more processes."""
    market = Simulator(40, rate=1_000, seed=SEED, law=Law(zipf=0.4, volatility=(1.0, 3.0)))
    blocks = market.blocks(TICKS, TICKS // 2)
    for processes in (1, 3):
        newest = write_ticks(url, [next(blocks)])
        if processes == 3:
            write_heartbeats(url, newest + 120 * SECOND_NS)
        run_market(url, recovery, processes, *FAST, *SET, flows=FLOWS)


def test_killed_and_rescaled_again_and_again_the_signals_are_the_same(own_bus: str, tmp_path: Path) -> None:
    run_in_stages(own_bus, tmp_path / "staged")
    calm = {topic: events(own_bus, topic) for topic in OUTPUTS}
    run_market(own_bus, tmp_path / "whole", 1, *FAST, *SET, flows=FLOWS)
    compare(calm, own_bus)
    assert all(len(calm[topic]) > 100 for topic in OUTPUTS[:3])
    assert calm["dead.letters"], "a strategy divided by zero"
    check_alternation(calm)
    rng, kills = random.Random(SEED), 0
    while kills < KILLS:
        recovery = tmp_path / f"disturbed-after-{kills}"
        kills += disturb(own_bus, recovery, rng, KILLS - kills, (*FAST, *SMALL, *SET), FLOWS, OUTPUTS[:2])
    compare(calm, own_bus)
    # Alone the flow reads bars and ticks from the bus: bars several times over, and long before their ticks.
    run_market(own_bus, tmp_path / "alone", 2, *FAST, *SET, flows=("signals",))
    compare(calm, own_bus, OUTPUTS[:3])
    calm["dead.letters"] = events(own_bus, "dead.letters")  # they name the record of the bar now, not that of the tick that closed it
    disturb(own_bus, tmp_path / "alone-disturbed", rng, 1, (*FAST, *SMALL, *SET), ("signals",), OUTPUTS[:2])
    compare(calm, own_bus)


def compare(calm: dict[str, list[dict[str, Any]]], url: str, topics: Sequence[str] = OUTPUTS) -> None:
    """What stands on the bus is what the calm run wrote, several times over."""
    for topic in topics:
        found = events(url, topic)
        assert len(found) > len(calm[topic])
        # by_id holds that no id has two contents, over all runs
        assert by_id(found).keys() == by_id(calm[topic]).keys(), topic


def check_alternation(calm: dict[str, list[dict[str, Any]]]) -> None:
    """A signal is a change, and orders lead to what the signals say."""
    actions: dict[tuple[str, ...], list[str]] = {}
    targets: dict[tuple[str, ...], float] = {}
    for payload in payloads(calm["signals"]):
        actions.setdefault((payload["strategy"], payload["symbol"], payload["interval"]), ["flat"]).append(payload["action"])
    for payload in payloads(calm["orders.commands"]):
        key = tuple(payload["orderId"].split("|")[:3])
        targets[key] = targets.get(key, 0.0) + float(payload["quantity"]) * (1 if payload["side"] == "buy" else -1)
    for key, said in actions.items():
        assert all(one != two for one, two in pairwise(said)), key
        assert targets.get(key, 0.0) == {"buy": 2.5, "sell": -2.5, "flat": 0.0}[said[-1]], key


def payloads(found: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [event["payload"] for event in found]
