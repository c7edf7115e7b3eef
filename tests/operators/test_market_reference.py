"""The compiled market operator equals the plainest program that says the same: bars, lateness, quiet closing, bands, marks."""

from __future__ import annotations

import math
import random
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from operators.market.output import MarketOutput, MarketSettings, explain
from operators.market.shard import MarketShard
from operators.market.windows import parse_interval
from schemas.control import Limit
from schemas.dead_letters import Reason
from schemas.symbols import SYMBOLS
from schemas.ticks import TickFrame
from schemas.times import DAY_NS
from tests.operators.reference import Reference, Row
from tests.operators.streams import frame_rows, stream, with_watermarks

SETTINGS = [
    MarketSettings(("1s", "4s", "1m")),
    MarketSettings(("4s", "1s"), lateness_ns=2_500_000_000, quiet_after_ns=0),
    MarketSettings(("500ms", "3s"), lateness_ns=5_000_000_000, quiet_after_ns=7_000_000_000),
    MarketSettings(("1d", "2s"), lateness_ns=1, quiet_after_ns=1),
]
LIMITS = [
    Limit("ten", "price_band", "firm", Decimal("0.10")),
    Limit("five", "price_band", "symbol", Decimal("0.05"), symbol="AMZN", clear=Decimal("0.01")),
]
BANDS = {
    "ten": (None, Fraction("0.10"), Fraction("0.09")),
    "five": ("AMZN", Fraction("0.05"), Fraction("0.01")),
}


def cut(rng: random.Random, count: int) -> list[int]:
    """Where batches end."""
    step = rng.choice([1, 3, 40, 10_000])
    return sorted({*(rng.randrange(count) for _ in range(count // step)), count} - {0})


@settings(max_examples=120, deadline=None)
@given(seed=st.integers(0, 2**32), count=st.integers(1, 150), which=st.sampled_from(SETTINGS))
def test_the_operator_equals_the_reference(seed: int, count: int, which: MarketSettings) -> None:
    rng = random.Random(seed)
    rows = stream(rng, count)
    model = Reference([parse_interval(text) for text in which.intervals], which.lateness_ns, which.quiet_after_ns, BANDS)
    for row in rows:
        model.take(row)
    shard, outputs, start, columns = MarketShard(which), [], 0, frame_rows(rows)
    for limit in LIMITS:
        assert shard.on_limit(limit.limit_id, limit) == []
    for end in cut(rng, len(rows)):
        outputs.append(shard.on_frame(TickFrame(with_watermarks(columns[start:end]))))
        start = end
    compare_bars(which, outputs, model)
    compare_alerts(outputs, model)
    assert sum(output.counts.out for output in outputs) == model.out
    assert sum(output.counts.late for output in outputs) == model.late
    assert sum(output.counts.dead for output in outputs) == model.dead
    assert sum(output.counts.ticks for output in outputs) == sum(row.kind != "heartbeat" for row in rows)
    compare_marks(outputs, model)


def compare_bars(which: MarketSettings, outputs: list[MarketOutput], model: Reference) -> None:
    found = {}
    for output in outputs:
        for bar in output.bars:
            length = parse_interval(which.intervals[bar["interval"]])
            assert bar["end"] - bar["start"] == length
            key = (SYMBOLS.names[bar["symbol"]], length, int(bar["start"]))
            assert key not in found
            found[key] = tuple(bar[name].item() for name in ("open", "high", "low", "close", "volume", "notional", "trade_count"))
    assert found.keys() == model.bars.keys()
    for key, expected in model.bars.items():
        if expected[6]:
            assert found[key][:5] == tuple(float(value) for value in expected[:5])
        else:  # a mid may differ from the fraction by its last bit
            assert found[key][:5] == pytest.approx([float(value) for value in expected[:5]], rel=1e-15)
        assert math.isclose(found[key][5], expected[5], rel_tol=1e-12, abs_tol=1e-12)
        assert found[key][6] == expected[6]


def compare_alerts(outputs: list[MarketOutput], model: Reference) -> None:
    found = {event.header.event_id: event.payload.value for output in outputs for event in output.alerts}
    expected = {f"{alert_id}|{state}": value for alert_id, state, value in model.alerts}
    assert found.keys() == expected.keys()
    assert all(math.isclose(found[key], expected[key], rel_tol=1e-9, abs_tol=1e-12) for key in found)


def compare_marks(outputs: list[MarketOutput], model: Reference) -> None:
    marks = {SYMBOLS.names[mark["symbol"]]: mark for output in outputs for mark in output.marks}
    assert marks.keys() == model.symbols.keys()
    for name, symbol in model.symbols.items():
        mark, newest = marks[name], max(symbol.times)
        assert mark["time"] == newest
        assert mark["repeat"] == len(symbol.times) - 1 - symbol.times.index(newest)
        assert mark["day_volume"] == sum(size for time, _, size in symbol.trades if time // DAY_NS == newest // DAY_NS)
        if symbol.trades:
            last = max(enumerate(symbol.trades), key=lambda trade: (trade[1][0], trade[0]))[1]
            assert (mark["price"], mark["size"]) == (float(last[1]), last[2])
        bid, ask = model.quote(symbol)
        assert math.isnan(mark["bid"]) if bid is None else mark["bid"] == float(bid)
        assert math.isnan(mark["ask"]) if ask is None else mark["ask"] == float(ask)


@settings(max_examples=300, deadline=None)
@given(
    percent=st.integers(1, 9_000),
    times=st.integers(1, 300),
    spread=st.lists(st.integers(0, 20), max_size=12),
    up=st.booleans(),
    nudge=st.integers(-1, 1),
)
def test_edges_of_a_band_are_exact_in_decimal(percent: int, times: int, spread: list[int], up: bool, nudge: int) -> None:
    """Prices in cents about a mean whose edge is a whole cent; the last price is put on that edge, or a cent beside it."""
    threshold = Fraction(percent, 10_000)
    middle = 10_000 // math.gcd(percent, 10_000) * times
    prices = [middle, *(middle + away * side for away in spread for side in (1, -1) if away < middle)]
    last = int(middle * (1 + threshold if up else 1 - threshold)) + nudge
    value = abs(Fraction(last, middle) - 1)
    shard = MarketShard(MarketSettings(("1s",)))
    rows = frame_rows([Row("trade", 0, 10**18 + at, "EDGE", Fraction(price, 100), 1) for at, price in enumerate([*prices, last])])
    shard.on_limit("far", Limit("far", "price_band", "firm", Decimal(1000)))
    shard.on_frame(TickFrame(rows[:-1]))
    breached = bool(shard.on_limit("x", Limit("x", "price_band", "firm", Decimal(percent) / 10_000)))
    alerts = shard.on_frame(TickFrame(rows[-1:])).alerts
    assert bool(alerts) == ((value >= threshold * Fraction(9, 10) if breached else value > threshold) != breached)


@settings(max_examples=200, deadline=None)
@given(
    trades=st.lists(st.tuples(st.integers(0, 60), st.integers(80, 120), st.booleans()), min_size=1, max_size=20),
    arrival=st.integers(0, 20),
    percent=st.integers(1, 40),
)
def test_a_limit_that_comes_late_judges_as_one_that_was_there(trades: list[tuple[int, int, bool]], arrival: int, percent: int) -> None:
    """Within five minutes; the shard that is compared has a limit so wide that nothing passes it, and so a tape, from the start."""
    start, rows, second = 150 * 10**7, list[Row](), 0
    for wait, price, quoted in trades:
        second += wait % 14
        prices = (None, Fraction(price), Fraction(price)) if quoted else (Fraction(price), None, None)
        rows.append(Row("quote" if quoted else "trade", 0, (start + second) * 10**9, "X", prices[0], 1, *prices[1:]))
    said = []
    for early in (True, False):
        shard = MarketShard(MarketSettings(("1d",)))
        if early:
            shard.on_limit("far", Limit("far", "price_band", "firm", Decimal(1000)))
        frame = frame_rows(rows)
        alerts = list(shard.on_frame(TickFrame(frame[:arrival])).alerts)
        alerts += shard.on_limit("x", Limit("x", "price_band", "firm", Decimal(percent) / 100))
        alerts += shard.on_frame(TickFrame(frame[arrival:])).alerts
        said.append([(alert.header.event_id, alert.header.correlation_id, pytest.approx(alert.payload.value)) for alert in alerts])
    assert said[0] == said[1]


def test_a_limit_that_comes_after_a_silence_is_judged_against_the_mean_before_it() -> None:
    shard = MarketShard(MarketSettings(("1s",)))
    times_and_prices = [(0, 100), (1, 102), (1000, 101), (5000, 130)]
    shard.on_frame(TickFrame(frame_rows([Row("trade", 0, at * 10**9, "X", Fraction(price), 1) for at, price in times_and_prices])))
    (alert,) = shard.on_limit("x", Limit("x", "price_band", "firm", Decimal("0.25")))
    assert alert.payload.value == pytest.approx(130 / 101 - 1)


def test_110_against_100_at_a_tenth_does_not_fire_and_the_next_cent_does() -> None:
    assert 110 / 100 - 1 > 0.1, "floats say so"
    shard = MarketShard(MarketSettings(("1s",)))
    shard.on_limit("x", Limit("x", "price_band", "symbol", Decimal("0.1"), symbol="X"))
    rows = [Row("trade", 0, 10**18, "X", Fraction(100), 1), Row("trade", 0, 10**18 + 301 * 10**9, "X", Fraction(110), 1)]
    assert shard.on_frame(TickFrame(frame_rows(rows))).alerts == []
    rows = [Row("trade", 0, 10**18 + 602 * 10**9, "X", Fraction("121.01"), 1)]
    (alert,) = shard.on_frame(TickFrame(frame_rows(rows))).alerts
    assert alert.header.event_id == "x|symbol:X|1|breach"


@pytest.mark.parametrize(("price", "reason"), [(-1.0, Reason.NEGATIVE_PRICE), (math.nan, Reason.NUMBER), (math.inf, Reason.NUMBER)])
def test_a_bad_price_is_refused_with_its_reason(price: float, reason: Reason) -> None:
    rows = frame_rows([Row("trade", 0, 10**18, "X", Fraction(1), 1)])
    rows["price"] = price
    output = MarketShard(MarketSettings()).on_frame(TickFrame(rows))
    assert output.counts == (1, 0, 0, 1, 0)
    assert explain(output.rejects[0], output.rejected[0])[0] is reason
