"""``pipe`` as a law: the answer depends on the lines alone, and stands in the order of the lines that caused it."""

from __future__ import annotations

import io
import json
from typing import Any, BinaryIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.outgoing import Outgoing
from schemas.tick_codec import encode_ticks
from schemas.times import parse_time
from sources.simulator import Law, Simulator
from tests.engine.running import by_id
from trademaster.engine.pipe import LinesPart, Progress
from trademaster.pipe_input import run_pipe_over
from trademaster.settings import Settings

MARKS = "market.marks"
LIMIT = b'{"topic":"control.limits","value":{"limitId":"band","rule":"price_band","scope":"firm","threshold":"0.001"}}\n'


def lines() -> list[bytes]:
    """A limit amid ticks of ten symbols, some bad lines."""
    (rows,) = list(Simulator(10, rate=500, seed=2, law=Law(zipf=0.4, volatility=(2.0, 4.0))).blocks(2_000, 2_000))
    made = [b'{"topic":"market.ticks","value":%s}\n' % tick for tick in encode_ticks(rows)]
    return [*made[:700], LIMIT, *made[700:1100], b"nonsense\n", *made[1100:1500], b'{"topic":"signals","value":{}}\n', *made[1500:]]


class Trickle(io.RawIOBase):
    """A pipe that gives a few bytes at a time."""

    def __init__(self, text: bytes, sizes: list[int]) -> None:
        self._text, self._at, self._sizes, self._turn = text, 0, sizes, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        size = min(len(buffer), self._sizes[self._turn % len(self._sizes)])
        self._turn += 1
        part = self._text[self._at : self._at + size]
        buffer[: len(part)] = part
        self._at += len(part)
        return len(part)


def piped(source: BinaryIO) -> bytes:
    out = io.BytesIO()
    run_pipe_over(Settings(), ["market"], source, out)
    return out.getvalue()


@pytest.fixture(scope="module")
def whole() -> bytes:
    return piped(io.BytesIO(b"".join(lines())))


def test_the_same_again(whole: bytes) -> None:
    assert piped(io.BytesIO(b"".join(lines()))) == whole


@pytest.mark.parametrize("sizes", [[2_000], [3_001, 17_000, 9_999], [150_000]])
def test_however_the_input_arrives(whole: bytes, sizes: list[int]) -> None:
    """Decisions are the same; a mark may be of another tick, but each has one content and the last one is the same."""
    found = parsed(piped(io.BufferedReader(Trickle(b"".join(lines()), sizes))))
    wanted = parsed(whole)
    assert [line for line in found if line[0] != MARKS] == [line for line in wanted if line[0] != MARKS]
    marks = by_id([value for topic, value in [*found, *wanted] if topic == MARKS])
    assert marks
    assert last_marks(found) == last_marks(wanted)


def last_marks(said: list[tuple[str, dict[str, Any]]]) -> dict[str, dict[str, Any]]:
    return {value["payload"]["symbol"]: value for topic, value in said if topic == MARKS}


def parsed(text: bytes) -> list[tuple[str, dict[str, Any]]]:
    return [(line["topic"], line["value"]) for line in map(json.loads, text.splitlines())]


def test_what_the_end_closes_comes_last_by_event_time(whole: bytes) -> None:
    found = parsed(whole)
    last_mark = max(at for at, (topic, _) in enumerate(found) if topic == "market.marks")
    closed_by_end = [value["payload"] for topic, value in found[last_mark + 1 :] if topic == "market.bars"]
    assert {bar["interval"] for bar in closed_by_end} == {"1s", "1m"}
    times = [parse_time(value["header"]["timestamp"]) for _, value in found[last_mark + 1 :]]
    assert times == sorted(times)


def test_each_event_follows_the_line_that_caused_it(whole: bytes) -> None:
    """Dead letters and alerts name their line."""
    found = parsed(whole)
    named = [value["header"]["correlationId"] for topic, value in found if topic in ("risk.alerts", "dead.letters")]
    caused = [int(cause.split("-")[2].split("/")[0]) for cause in named]
    assert len(caused) > 10
    assert caused == sorted(caused)
    assert [value["payload"]["offset"] for topic, value in found if topic == "dead.letters"] == [1102, 1503]


@given(
    st.lists(
        st.lists(st.tuples(st.sampled_from(["b.topic", "a.topic"]), st.integers(0, 3), st.sampled_from([b"k", b"j"])), max_size=6),
        max_size=5,
    )
)
def test_order_is_line_topic_key_counter(steps: list[list[tuple[str, int, bytes]]]) -> None:
    out, progress, count = io.BytesIO(), Progress(), 0
    part, expected = LinesPart(out, progress), []
    for step in steps:
        made = []
        for topic, line, key in step:
            part.write_batch([Outgoing(topic, [key], [b"%d" % count], [0], [line], [-line])])
            made.append((line, topic, key, count))
            count += 1
        part.snapshot()
        expected += [(topic, number) for _, topic, _, number in sorted(made)]
    assert [(line["topic"], line["value"]) for line in map(json.loads, out.getvalue().splitlines())] == expected
    assert sum(progress.written.values()) == count
