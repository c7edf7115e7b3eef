"""Ticks and bars meet in the signals flow, whichever comes first; where no indicator needs ticks they are not even read."""

from __future__ import annotations

import random
from typing import Any

import msgspec
import pytest

from flows.signals import FLOW
from schemas.tick_codec import encode_ticks
from tests.flows.test_signals_flow import bar, piped, updates
from tests.operators import amzn
from trademaster.flow_settings import flow_settings
from trademaster.settings import Settings

INDICATORS = {"indicators": ["ofi", "vpin(500,10)", "sma(2)", "microprice"]}
MARKET = {"intervals": "4s"}


def tick_lines() -> list[dict[str, Any]]:
    """Real trades, and a quote around each."""
    rng, lines = random.Random(1), []
    for value in encode_ticks(amzn.trades()[:600]):
        trade = msgspec.json.decode(value)
        sizes = {"bidSize": rng.randrange(1, 9), "askSize": rng.randrange(1, 9)}
        quote = {"type": "quote", "bid": trade["price"] - 0.01, "ask": trade["price"] + 0.02, **sizes}
        lines += [trade, {**quote, "symbol": "AMZN", "timestamp": trade["timestamp"]}]
    return [{"topic": "market.ticks", "value": tick} for tick in lines]


@pytest.fixture(scope="module")
def fused() -> list[dict[str, Any]]:
    """What comes out of both flows in one run."""
    return piped(tick_lines(), ("market", "signals"), market=MARKET, signals=INDICATORS)


def bar_lines(fused: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [record for record in fused if record["topic"] == "market.bars"]


def test_each_bar_has_its_order_flow(fused: list[dict[str, Any]]) -> None:
    found = updates(fused, "AMZN")
    assert len(found) == len(bar_lines(fused)) > 50
    assert all(update["values"]["ofi"] is not None for update in found)
    assert all(update["values"]["microprice"] is not None for update in found)
    assert found[0]["values"]["vpin(500,10)"] is None
    assert 0 < found[-1]["values"]["vpin(500,10)"] <= 1
    assert list(found[0]["values"]) == INDICATORS["indicators"]


@pytest.mark.parametrize("order", ["bars first", "ticks first", "mixed"])
def test_whichever_comes_first(fused: list[dict[str, Any]], order: str) -> None:
    ticks, bars = tick_lines(), bar_lines(fused)
    lines = bars + ticks if order == "bars first" else ticks + bars
    if order == "mixed":
        rng = random.Random(2)
        turns = [rng.random() < len(bars) / len(lines) for _ in lines]
        ticks_left, bars_left = iter(ticks), iter(bars)
        lines = [line for turn in turns if (line := next(bars_left if turn else ticks_left, None))]
        lines += [*ticks_left, *bars_left]
    assert updates(piped(lines, market=MARKET, signals=INDICATORS), "AMZN") == updates(fused, "AMZN")


def test_bars_without_ticks_are_said_at_the_end() -> None:
    found = updates(piped([bar("A", 4, 1.0, interval="4s"), bar("A", 8, 2.0, interval="4s")], market=MARKET, signals=INDICATORS), "A")
    assert [update["values"]["sma(2)"] for update in found] == [None, 1.5]
    assert all(update["values"]["ofi"] is None for update in found)


def test_bars_of_an_interval_that_ticks_do_not_make_do_not_wait() -> None:
    lines = [bar("A", 60, 1.0, interval="1h"), *tick_lines()[:2], bar("A", 120, 2.0)]
    found = piped(lines, market=MARKET, signals=INDICATORS)
    assert [(one["interval"], one["values"]["ofi"]) for one in updates(found, "A")] == [("1h", None), (None, None)]


@pytest.mark.parametrize(
    ("signals", "topics"),
    [
        ({"indicators": ["sma(2)"]}, ("market.bars",)),
        ({"indicators": ["sma(2)", "ofi"]}, ("market.bars", "market.ticks")),
        ({"indicators": [], "strategies": ["x: microprice > close ? 'buy' : 'flat'"]}, ("market.bars", "market.ticks")),
    ],
)
def test_ticks_are_read_only_where_they_are_needed(signals: dict[str, Any], topics: tuple[str, ...]) -> None:
    assert FLOW.reads is not None
    assert FLOW.reads(flow_settings("signals", Settings(signals=signals))) == topics  # type: ignore[arg-type]
