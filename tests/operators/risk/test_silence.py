"""Silence and volatility of symbols by example."""

from __future__ import annotations

import math

from operators.market.output import MarketSettings
from operators.market.shard import MarketShard
from schemas.ticks import TickFrame
from schemas.times import DAY_NS, END_OF_TIME_NS, format_time
from tests.operators.cases_marking import START, tick
from tests.operators.cases_risk_stops import as_frame
from tests.operators.risk.stop_desk import SECOND_NS, Desk

KEY = "account:A/symbol:AMZN"


def test_silence_is_longer_than_its_window_and_ends_with_the_next_tick() -> None:
    desk = Desk()
    desk.limit("Q", "stale_price", 1, window="10s")
    desk.hold(10, 100)
    desk.trade(100)
    assert desk.wait(10) == []
    assert desk.wait(0.5) == [f"Q|{KEY}|1|breach 10"]
    assert desk.wait(100) == []
    assert desk.quote(99, 101) == [f"Q|{KEY}|1|clear 0"]
    assert [alert.header.event_type for alert in desk.published] == ["RISK_LIMIT_BREACH", "RISK_LIMIT_CLEARED"]
    assert desk.published[0].header.timestamp == format_time(START + 11 * SECOND_NS), "when it was too long"
    assert desk.trade(100, seconds=10) == []
    assert desk.trade(100, seconds=10.1) == [f"Q|{KEY}|2|breach 10", f"Q|{KEY}|2|clear 0"], "a gap between its own ticks is silence too"


def test_ticks_of_others_move_the_clock() -> None:
    desk = Desk()
    desk.limit("Q", "stale_price", 1, "firm")
    desk.hold(10, 100)
    desk.trade(100)
    assert desk.trade(100, "EURUSD", 60) == []
    assert desk.trade(100, "EURUSD", 1) == ["Q|symbol:AMZN|1|breach 60"], "a minute where no window is set"


def test_what_nobody_holds_may_be_silent() -> None:
    desk = Desk()
    for number, scope in enumerate(("account+symbol", "account", "symbol", "firm")):
        desk.limit(f"Q{number}", "stale_price", 1, scope, window="1s")
    desk.trade(100)
    assert desk.wait(10) == []
    keys = [f"Q{number}|{KEY}" for number in range(2)] + [f"Q{number}|symbol:AMZN" for number in (2, 3)]
    assert sorted(desk.hold(10, 100)) == [f"{key}|1|breach 1" for key in keys], "held, it is missed at once"
    assert sorted(desk.hold(0)) == [f"{key}|1|clear 1" for key in keys]
    assert desk.wait(10) == []
    assert sorted(desk.hold(-10, 100)) == [f"{key}|2|breach 1" for key in keys]
    flipped = desk.hold(10, 100)
    assert sorted(flipped) == sorted(f"{key}|{said}" for key in keys[:2] for said in ("2|clear 1", "3|breach 1")), "another position"


def test_a_symbol_without_any_tick_is_silent_since_it_is_held() -> None:
    desk = Desk()
    desk.limit("Q", "stale_price", 1, window="10s")
    desk.hold(10, 100)
    assert desk.wait(10) == []
    assert desk.wait(1) == [f"Q|{KEY}|1|breach 10"]
    assert desk.trade(100) == [f"Q|{KEY}|1|clear 0"]


def test_a_limit_of_silence_is_held_against_the_present_and_its_end_clears() -> None:
    desk = Desk()
    desk.hold(10, 100)
    desk.trade(100)
    desk.wait(30)
    assert desk.limit("Q", "stale_price", 1, window="40s") == []
    assert desk.limit("Q", "stale_price", 1, window="20s") == [f"Q|{KEY}|1|breach 20"]
    assert desk.limit("Q", "stale_price", 1, window="40s") == [f"Q|{KEY}|1|clear 30"]
    assert desk.limit("Q", "stale_price", 1, window="20s") == [f"Q|{KEY}|2|breach 20"]
    assert desk.end("Q") == [f"Q|{KEY}|2|clear 20"]
    assert desk.wait(100) == []


def test_the_end_of_an_input_is_no_silence() -> None:
    desk = Desk()
    desk.limit("Q", "stale_price", 1, window="1s")
    desk.hold(10, 100)
    desk.trade(100)
    assert desk.risk.on_frame(as_frame([tick(None, END_OF_TIME_NS)])).alerts == []


def test_volatility_breaches_clears_by_hysteresis_and_starts_anew_each_day() -> None:
    desk = Desk()
    desk.limit("V", "volatility", "0.1", "symbol")
    assert desk.trade(100) == []
    assert desk.trade(100 * math.exp(0.1)) == [], "on its edge, but for rounding"
    assert desk.trade(100) == [f"V|symbol:AMZN|1|breach {math.sqrt(0.02):g}"]
    assert desk.limit("V", "volatility", "0.15", "symbol") == [], "0.135 is where 0.15 clears"
    assert desk.limit("V", "volatility", "0.16", "symbol") == [f"V|symbol:AMZN|1|clear {math.sqrt(0.02):g}"]
    assert desk.limit("V", "volatility", "0.1", "symbol", clear="0.01") == [f"V|symbol:AMZN|2|breach {math.sqrt(0.02):g}"]
    assert desk.trade(100, seconds=DAY_NS / SECOND_NS) == ["V|symbol:AMZN|2|clear 0"]


def test_volatility_is_what_the_market_flow_says() -> None:
    market, desk = MarketShard(MarketSettings()), Desk()
    desk.limit("V", "volatility", "0.000001", "symbol")
    prices = [{"bid": 99.0, "ask": 101.0}, {"bid": 98.0}, {"price": 100.0}, {"bid": 50.0}, {"price": 101.5}]
    for second, price in enumerate(prices, 1):
        rows = tick("AMZN", START + second * SECOND_NS, **price)
        marks = market.on_frame(TickFrame(rows)).marks
        alerts = desk.risk.on_frame(as_frame([rows])).alerts
        if alerts and alerts[-1].payload.state == "breach":
            assert alerts[-1].payload.value == round(math.sqrt(marks["realized_variance"][0]), 12)
            desk.limit("V", "volatility", "0.000001", "symbol", enabled=False)
            desk.limit("V", "volatility", "0.000001", "symbol")
    assert math.isclose(
        market.on_frame(TickFrame(tick("AMZN", START + 9 * SECOND_NS, price=101.5))).marks["realized_variance"][0], math.log(1.015) ** 2
    )
