"""What a pipe answers depends on its input alone, and comes in the order of its lines."""

from __future__ import annotations

import io
import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from operators.portfolio.step import PortfolioStep
from sources.columns import TableOptions
from trademaster import pipe_input
from trademaster.pipe_input import run_pipe_over
from trademaster.settings import Settings

LEAST_NS = 1340285400 * 10**9


class Pieces(io.RawIOBase):
    """A pipe whose writer writes at these places."""

    def __init__(self, data: bytes, cuts: list[int]) -> None:
        edges = sorted({0, len(data), *(min(cut, len(data)) for cut in cuts)})
        self._pieces = [data[start:end] for start, end in pairwise(edges)]

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        if not self._pieces:
            return 0
        piece = self._pieces.pop(0)
        taken = min(len(piece), len(buffer))
        buffer[:taken] = piece[:taken]
        if taken < len(piece):
            self._pieces.insert(0, piece[taken:])
        return taken


def answer(data: bytes, cuts: list[int]) -> bytes:
    out = io.BytesIO()
    run_pipe_over(Settings(), ["market"], io.BufferedReader(Pieces(data, cuts)), out)
    return out.getvalue()


def tick(second: int, symbol: str = "AMZN") -> bytes:
    return json.dumps({"type": "trade", "symbol": symbol, "timestamp": LEAST_NS + second * 10**9, "price": 100.0, "size": 1}).encode()


LIMIT = b'{"topic":"control.limits","value":{"limitId":"a","rule":"price_band","scope":"firm","threshold":"0.1"}}'
lines = st.lists(
    st.one_of(
        st.builds(tick, st.integers(0, 20), st.sampled_from(["AMZN", "SPY"])),
        st.sampled_from([b"", b"{bad", b"[]", LIMIT, b'{"topic":"market.bars","value":1}', b'{"type":"trade"}']),
    ),
    max_size=30,
)


@settings(deadline=None, max_examples=25)
@given(lines, st.lists(st.integers(0, 2000), max_size=8))
def test_the_answer_does_not_depend_on_how_the_pipe_is_written(records: list[bytes], cuts: list[int]) -> None:
    data = b"\n".join(records)
    assert answer(data, cuts) == answer(data, [])


@pytest.mark.parametrize("step", [1, 3, 10_000])
def test_events_come_in_the_order_of_the_lines_that_caused_them(step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipe_input, "STEP_TICKS", step)
    data = b"\n".join([tick(1), b"{bad", tick(2), b"[[[", b'{"topic":"market.bars","value":1}', tick(3), b"nor this"])
    events = [json.loads(line) for line in answer(data, [30, 50]).splitlines()]
    letters = [event["value"]["payload"]["offset"] for event in events if event["topic"] == "dead.letters"]
    assert letters == [2, 4, 5, 7]
    closing = [event["topic"] for event in events].index("market.bars")
    assert closing > [event["topic"] for event in events].index("dead.letters")
    assert events[-1]["topic"] == "market.bars"


def test_bad_rows_of_a_table_come_in_the_order_of_their_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipe_input, "STEP_TICKS", 2)
    rows = [f"{LEAST_NS + at * 10**9},{'none' if at in (0, 5, 9) else 100},1" for at in range(10)]
    (tmp_path / "a.csv").write_text("timestamp,price,size\n" + "\n".join(rows) + "\n")
    out = io.BytesIO()
    run_pipe_over(Settings(), ["market"], tmp_path / "a.csv", out, table=TableOptions(symbol="AMZN"))
    events = [json.loads(line) for line in out.getvalue().splitlines()]
    topics = [event["topic"] for event in events if event["topic"] != "market.marks"]
    assert [event["value"]["payload"]["offset"] for event in events if event["topic"] == "dead.letters"] == [2, 7, 11]
    assert topics[0] == "dead.letters"
    assert topics.index("market.bars") < len(topics) - 1 - topics[::-1].index("dead.letters")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"topic":"market.ticks","value":' + b"[" * 5000 + b"]" * 5000 + b"}", "malformed"),
        (b'{"topic":"control.limits","value":{"payload":' + b"[" * 900 + b"]" * 900 + b',"header":1}}', "control"),
        (b'{"topic":"market.ticks","value":' + tick(1).replace(b"100.0", b"NaN") + b"}", "number"),
        (b'{"topic":"control.limits","value":' + LIMIT[34:-1].replace(b'"0.1"', b"NaN") + b"}", "control"),
        (b'{"topic":"control.limits","value":' + LIMIT[34:-1].replace(b'"0.1"', b'"1e999999999"') + b"}", "number"),
        (b'{"topic":"control.instruments","value":{"symbol":"' + "é".encode() * 60 + b'"}}', "symbol"),
        (b'{"topic":"control.instruments","value":{"symbol":"A","multiplier":-1}}', "control"),
    ],
)
def test_nothing_that_stands_in_a_line_stops_the_pipe(line: bytes, reason: str) -> None:
    events = [json.loads(event)["value"] for event in answer(b"\n".join([tick(1), line, tick(2)]), []).splitlines()]
    letters = [event["payload"] for event in events if event["header"]["eventType"] == "DEAD_LETTER"]
    assert [(letter["offset"], letter["reason"]) for letter in letters] == [(2, reason)]
    assert sum(event["payload"]["tradeCount"] for event in events if event["payload"].get("interval") == "1m") == 2


def test_one_nan_in_an_array_costs_one_tick() -> None:
    ticks = [tick(second) for second in range(10)]
    bad = ticks[3].replace(b"100.0", b"NaN")
    array = b'{"topic":"market.ticks","value":[' + b", ".join([*ticks[:3], bad, *ticks[4:]]) + b"]}"
    events = [json.loads(event)["value"]["payload"] for event in answer(array, []).splitlines()]
    assert [event["reason"] for event in events if "reason" in event] == ["number"]
    assert sum(event["tradeCount"] for event in events if event.get("interval") == "1m") == 9


def test_a_pipe_makes_no_states_ready_to_be_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    """At each line that would cost what all positions do."""

    def forbidden(_: PortfolioStep) -> dict[str, Any]:
        raise AssertionError("expected no snapshot")

    monkeypatch.setattr(PortfolioStep, "snapshot", forbidden)
    value = {"execType": "fill", "account": "A", "symbol": "X", "executionId": "1", "side": "buy", "quantity": 1, "price": 2}
    out = io.BytesIO()
    written = run_pipe_over(Settings(), ["portfolio"], io.BytesIO(json.dumps(value).encode()), out, topic="orders.events")
    assert written["portfolio.positions"] == 1
