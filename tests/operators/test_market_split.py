"""Watermarks by partition and frames by shard, against the plainest form."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from operators.market.output import MarketSettings
from operators.market.shard import MarketShard
from operators.market.shards import split
from operators.market.watermarks import fill_watermarks
from operators.market.windows import lay_out, parse_interval
from schemas.errors import SettingsError
from schemas.symbols import SHARDS, SYMBOLS
from schemas.ticks import WATERMARK, TickFrame
from tests.operators.streams import frame_rows, stream

seeds = st.integers(0, 2**32)


@settings(max_examples=50, deadline=None)
@given(seed=seeds)
def test_a_watermark_is_the_largest_time_of_its_partition_so_far(seed: int) -> None:
    rng = random.Random(seed)
    rows = frame_rows(stream(rng, 80))
    rows["watermark"] = 0
    state: dict[int, int] = {}
    middle = rng.randrange(len(rows))
    for part in (rows[:middle], rows[middle:]):
        state = fill_watermarks(part, state)
    seen: dict[int, int] = {}
    for row in rows:
        partition = int(row["partition"])
        seen[partition] = max(seen.get(partition, -1), int(row["time"]))
        assert row["watermark"] == seen[partition]
    assert state == seen


@settings(max_examples=50, deadline=None)
@given(seed=seeds)
def test_split_keeps_order_loses_nothing_and_tells_every_shard_the_time(seed: int) -> None:
    rows = frame_rows(stream(random.Random(seed), 80))
    frames = split(rows)
    assert [shard for shard, _ in frames] == list(range(SHARDS))
    last = {int(row["partition"]): (int(row["watermark"]), int(row["offset"])) for row in rows}
    for shard, frame in frames:
        mine = [row.tobytes() for row in rows if row["kind"] != WATERMARK and SYMBOLS.shard[row["symbol"]] == shard]
        assert [row.tobytes() for row in frame.rows[: len(mine)]] == mine
        told = frame.rows[len(mine) :]
        assert set(told["kind"].tolist()) <= {WATERMARK}
        assert {int(row["partition"]): (int(row["watermark"]), int(row["offset"])) for row in told} == last
    assert split(rows[:0]) == []


@settings(max_examples=50, deadline=None)
@given(seed=seeds)
def test_a_longer_bar_is_the_merge_of_the_shorter_ones(seed: int) -> None:
    """Where anything was traded; bars of mids give way to the first trade."""
    rows = frame_rows([row for row in stream(random.Random(seed), 200) if row.kind != "quote"])
    shard = MarketShard(MarketSettings(("1s", "4s", "1m"), lateness_ns=3_000_000_000))
    output = shard.on_frame(TickFrame(rows))
    short = [bar for bar in output.bars if bar["interval"] == 0]
    for long in (bar for bar in output.bars if bar["interval"] != 0):
        parts = sorted(
            (bar for bar in short if bar["symbol"] == long["symbol"] and long["start"] <= bar["start"] < long["end"]),
            key=lambda b: b["start"],
        )
        assert (long["open"], long["close"]) == (parts[0]["open"], parts[-1]["close"])
        assert (long["high"], long["low"]) == (max(bar["high"] for bar in parts), min(bar["low"] for bar in parts))
        assert long["volume"] == sum(bar["volume"] for bar in parts)
        assert long["trade_count"] == sum(bar["trade_count"] for bar in parts)
        assert np.isclose(long["notional"], sum(bar["notional"] for bar in parts), rtol=1e-12)
    assert output.counts.ticks == output.counts.out + output.counts.late + output.counts.dead == (rows["kind"] != WATERMARK).sum()
    assert len(output.rejects) == output.counts.late + output.counts.dead


def test_intervals_are_read() -> None:
    assert [parse_interval(text) for text in ("500ms", "4s", "1m", "1h", "1d")] == [
        5 * 10**8,
        4 * 10**9,
        60 * 10**9,
        3600 * 10**9,
        86400 * 10**9,
    ]


@pytest.mark.parametrize("text", ["", "s", "0s", "-1s", "1.5s", "1w", "367d", "1 s", "9999999999d", "1s\n"])
def test_what_is_no_interval_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="expected an interval"):
        parse_interval(text)


def test_more_open_windows_than_there_is_room_for_are_refused() -> None:
    lay_out(("1s",), 63 * 10**9)
    with pytest.raises(SettingsError, match="at most 64 open windows"):
        lay_out(("1s",), 63 * 10**9 + 1)
    with pytest.raises(SettingsError, match="differ"):
        lay_out(("60s", "1m"), 0)
