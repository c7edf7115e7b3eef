"""Strategies over real bars equal a computation over whole columns, and their orders are filled by the paper exchange."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from operators.indicators.batch import compute
from operators.signals.examples import EXAMPLES
from schemas.times import format_time
from tests.flows.test_signals_flow import bar, piped
from tests.references.indicators.quotes import DEFAULT, HERE
from trademaster.settings import Settings

Column = npt.NDArray[np.float64]

CLOSE = np.array([one.close for one in DEFAULT])


def column(name: str, part: str = "") -> Column:
    found = compute(name, DEFAULT)
    picked = [one[part] if isinstance(one, dict) else one for one in found]
    return np.array([np.nan if one is None else one for one in picked], dtype=float)


def by_state(buy: Any, sell: Any, exit_long: Any, exit_short: Any, is_known: Any) -> list[str]:
    """Actions by bar, walked with conditions that were computed for all bars at once; ``hold`` while anything is unknown."""
    last, made = "flat", []
    for at in range(len(CLOSE)):
        if is_known[at]:
            exits = (last == "buy" and exit_long[at]) or (last == "sell" and exit_short[at])
            last = "buy" if buy[at] else "sell" if sell[at] else "flat" if exits else last
        made.append(last)
    return made


def crossover() -> tuple[list[str], Column]:
    fast, slow, width = column("sma(5)"), column("sma(20)"), column("atr(14)")
    never = np.zeros(len(CLOSE), bool)
    is_known = ~np.isnan(fast + slow + width)
    return by_state(fast > slow, fast < slow, never, never, is_known), np.clip(np.abs(fast - slow) / width, 0, 1)


def breakout() -> tuple[list[str], Column]:
    upper, middle, lower = (column("donchian(20)", part) for part in ("upper", "middle", "lower"))
    return by_state(upper < CLOSE, lower > CLOSE, middle > CLOSE, middle < CLOSE, ~np.isnan(upper)), np.ones(len(CLOSE))


def mean_reversion() -> tuple[list[str], Column]:
    upper, middle, lower = (column("bb(20,2)", part) for part in ("upper", "middle", "lower"))
    rsi, score = column("rsi(14)"), column("zscore(20)")
    buy, sell = (lower > CLOSE) & (rsi < 30), (upper < CLOSE) & (rsi > 70)
    return by_state(buy, sell, middle <= CLOSE, middle >= CLOSE, ~np.isnan(upper + rsi)), np.clip(np.abs(score) / 4, 0, 1)


def momentum() -> tuple[list[str], Column]:
    change, histogram, trend = column("roc(12)"), column("macd(12,26,9)", "histogram"), column("adx(14)", "adx")
    strong, weak = trend > 20, trend < 15
    is_known = ~np.isnan(change + histogram + trend)
    actions = by_state(strong & (change > 0) & (histogram > 0), strong & (change < 0) & (histogram < 0), weak, weak, is_known)
    return actions, np.clip(trend / 50, 0, 1)


@pytest.fixture(scope="module")
def said() -> list[dict[str, Any]]:
    """What the four say of 502 days of SPY."""
    records = piped(HERE / "default.csv", signals={"indicators": [], "strategies": list(EXAMPLES)})
    assert {record["topic"] for record in records} == {"signals"}
    return [record["value"]["payload"] for record in records]


@pytest.mark.parametrize("plain", [crossover, breakout, mean_reversion, momentum], ids=lambda plain: plain.__name__)
def test_the_strategies_that_ship_over_real_bars(said: list[dict[str, Any]], plain: Any) -> None:
    actions, strengths = plain()
    changes = [at for at in range(len(actions)) if actions[at] != (actions[at - 1] if at else "flat")]
    found = [payload for payload in said if payload["strategy"] == plain.__name__]
    assert [(payload["barEnd"], payload["action"], payload["price"]) for payload in found] == [
        (format_time(DEFAULT[at].end), actions[at], CLOSE[at]) for at in changes
    ]
    assert [payload["strength"] for payload in found] == pytest.approx([strengths[at] for at in changes], rel=1e-9)
    assert len(changes) >= 4, "the strategy was tried"


def test_orders_that_follow_are_checked_and_filled() -> None:
    prices = [10, 10, 11, 12, 11, 9, 8, 9, 10, 11]
    ticks = [
        {"topic": "market.ticks", "value": {"type": "trade", "symbol": "A", "timestamp": at * 10**9, "price": price, "size": 10_000}}
        for at, price in enumerate(prices)
    ]
    signals = {"strategies": ["x: sma(2) > sma(3) ? 'buy' : sma(2) < sma(3) ? 'sell' : last"], "account": "ACC", "quantity": "100"}
    account = {"topic": "control.accounts", "value": {"account": "ACC", "cash": "100000"}}
    flows = ("market", "orders", "paper", "portfolio", "signals")
    records = piped([account, *ticks], flows, market={"intervals": "1s"}, signals=signals)
    of_topic = {topic: [record["value"] for record in records if record["topic"] == topic] for topic in {one["topic"] for one in records}}
    orders = {command["payload"]["orderId"]: command["payload"] for command in of_topic["orders.commands"]}
    assert [(one["side"], one["quantity"]) for one in orders.values()][:2] == [("buy", "100"), ("sell", "200")]
    filled = {update["payload"]["orderId"] for update in of_topic["orders.updates"] if update["payload"]["status"] == "FILLED"}
    assert filled >= set(list(orders)[:-1])
    commands = {command["header"]["correlationId"] for command in of_topic["orders.commands"]}
    assert {update["header"]["correlationId"] for update in of_topic["orders.updates"]} == commands, "from the bar to the fill"
    assert any(position["payload"]["quantity"] == "-100" for position in of_topic["portfolio.positions"])
    assert "dead.letters" not in of_topic


def test_strategies_see_pairs_and_computed_indicators_are_not_published() -> None:
    lines = [line for at in range(1, 9) for line in (bar("A", at, 10 + at % 3), bar("SPY", at, 20 + at % 3))]
    settings = {"indicators": ["sma(1)"], "strategies": ["x: correlation(3,SPY) > 0.9 && symbol == 'A' ? 'buy' : last"]}
    records = piped(lines, signals=settings)
    assert [record["value"]["payload"]["symbol"] for record in records if record["topic"] == "signals"] == ["A"]
    assert all(list(record["value"]["payload"]["values"]) == ["sma(1)"] for record in records if record["topic"] == "market.indicators")


@pytest.mark.parametrize(
    ("strategies", "message"),
    [
        ("nope", "expected a strategy that ships"),
        ("x: close > 'a' ? 'buy' : last", "strategy 'x', expression, character 7"),
        ("crossover,crossover", "more often"),
        ('[{"name":"crossover","color":"red"}]', "Extra inputs"),
        ('[{"name":"x","bye":"close > open"}]', "Extra inputs"),
        ('[{"name":"x","interval":"1m"}]', "expected a strategy that ships"),
        ('[{"name":"a|b","buy":"true"}]', "pattern"),
        ("x:", "found none"),
        ('["x"', "Expecting"),
    ],
)
def test_wrong_settings_are_refused(strategies: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Settings(signals={"strategies": strategies})  # type: ignore[arg-type]
