"""The signals flow as a user runs it: a table or lines in, indicators out."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import msgspec
import pytest

from operators.indicators.batch import compute, compute_pair
from operators.indicators.names import parse_indicator
from sources.columns import TableOptions
from tests.operators.cases_indicators import ALL
from tests.references.indicators.quotes import COMPARE, DEFAULT, HERE
from trademaster.pipe_input import run_pipe_over
from trademaster.settings import Settings

SINGLE = [name for name in ALL if parse_indicator(name).other is None]


def piped(source: Path | list[dict[str, Any]], flows: tuple[str, ...] = ("signals",), **sections: Any) -> list[dict[str, Any]]:
    """Records of what comes out."""
    out, table = io.BytesIO(), TableOptions.parse(symbol="SPY")
    lines = source if isinstance(source, Path) else io.BytesIO(b"\n".join(map(msgspec.json.encode, source)) + b"\n")
    run_pipe_over(Settings(**sections), list(flows), lines, out, topic="market.bars", table=table)
    return [msgspec.json.decode(line) for line in out.getvalue().splitlines()]


def updates(records: list[dict[str, Any]], symbol: str = "SPY") -> list[dict[str, Any]]:
    payloads = [record["value"]["payload"] for record in records if record["topic"] == "market.indicators"]
    return [payload for payload in payloads if payload["symbol"] == symbol]


def bar(symbol: str, end: int, close: float, **more: Any) -> dict[str, Any]:
    return {"topic": "market.bars", "value": {"symbol": symbol, "end": end * 10**9, "close": close, **more}}


def test_a_table_streams_to_what_the_batch_says_item_by_item() -> None:
    found = updates(piped(HERE / "default.csv", signals={"indicators": SINGLE}))
    assert len(found) == len(DEFAULT) == 502
    for name in SINGLE:
        assert [update["values"][name] for update in found] == compute(name, DEFAULT), name


def test_pairs_of_symbols_of_two_shards() -> None:
    name = "correlation(20,OTHER)"
    lines = []
    for at, (own, other) in enumerate(zip(DEFAULT[:60], COMPARE[:60], strict=True)):
        pair = [bar("SPY", at, own.close), bar("OTHER", at, other.close)]
        lines += pair if at % 2 else pair[::-1]
    lines.append(bar("SPY", 99, 1.0))
    found = updates(piped(lines, signals={"indicators": [name]}))
    expected = compute_pair(name, zip(DEFAULT[:60], COMPARE[:60], strict=True))
    assert [update["values"][name] for update in found] == [*expected, None]


def test_an_event_says_which_bar_it_is_of() -> None:
    records = piped(
        [bar("A", 60, 5.0, interval="1m"), bar("A", 60, 6.0, interval="1m"), bar("A", 61, 7.0)], signals={"indicators": ["sma(1)"]}
    )
    first, second = (record["value"] for record in records)
    assert first["header"]["eventId"] == "indicator|A|1m|60000000000"
    assert (first["header"]["eventType"], first["header"]["priority"]) == ("INDICATOR_UPDATE", 2)
    assert first["payload"] == {"symbol": "A", "interval": "1m", "end": "1970-01-01T00:01:00.000000000Z", "values": {"sma(1)": 5.0}}
    assert (second["payload"]["interval"], second["payload"]["values"]) == (None, {"sma(1)": 7.0})


def test_bars_that_the_market_flow_made_in_the_same_run() -> None:
    ticks = [
        {"topic": "market.ticks", "value": {"type": "trade", "symbol": "A", "timestamp": at * 10**9, "price": 100 + at, "size": 1}}
        for at in range(5)
    ]
    found = updates(piped(ticks, ("market", "signals"), market={"intervals": "1s,2s"}, signals={"indicators": "sma(1),macd(1,2,1)"}), "A")
    closes = {(update["interval"], update["end"][17:19]): update["values"]["sma(1)"] for update in found}
    assert closes == {("1s", f"0{end}"): 99 + end for end in range(1, 6)} | {("2s", "02"): 101, ("2s", "04"): 103, ("2s", "06"): 104}


@pytest.mark.parametrize("indicators", ["rsy(14)", "sma(0)", "sma(2),sma(2)"])
def test_a_wrong_name_is_refused_by_the_settings(indicators: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        Settings(signals={"indicators": indicators})  # type: ignore[arg-type]
