"""Event time runs at its speed against the clock, never ahead of it, and catches up without sleeping."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import UsageError
from trademaster.ingest import parse_speed
from trademaster.pacing import Pacer


class HandClock:
    """A clock that moves when it is slept on or pushed."""

    def __init__(self) -> None:
        self.time_ns = 5_000
        self.slept = 0

    def now_ns(self) -> int:
        return self.time_ns

    def sleep(self, duration_s: float) -> None:
        assert duration_s > 0
        self.slept += 1
        self.time_ns += int(duration_s * 1e9)


MS = 1_000_000
gaps = st.lists(st.integers(0, 3_000), min_size=1, max_size=60).map(lambda ms: 10**18 + np.cumsum(np.array(ms, np.int64) * MS))


@given(gaps, st.floats(0.5, 100), st.integers(1, 20))
def test_no_tick_is_early_none_is_lost_and_quiet_is_told(
    times: np.ndarray[tuple[int], np.dtype[np.int64]], speed: float, block: int
) -> None:
    clock = HandClock()
    pacer = Pacer(speed, clock, idle_s=1.0)
    began_ns, out, beats = clock.time_ns, 0, []
    last_sign_ns = began_ns
    for start in range(0, len(times), block):
        part = times[start : start + block]
        for due in pacer.due(part):
            reached_ns = times[0] + (clock.time_ns - began_ns) * speed
            if due.end > due.start:
                assert start + due.start == out
                out = start + due.end
                assert part[due.end - 1] <= reached_ns + 1_000
                assert part[due.start] >= reached_ns - (0.003e9 * speed) or out - len(part) <= start, "no tick is more than a wake late"
                last_sign_ns = clock.time_ns
            elif due.idle_time_ns >= 0:
                beats.append(due.idle_time_ns)
                assert out == 0 or times[out - 1] <= due.idle_time_ns, "heartbeats never fall behind"
                assert due.idle_time_ns <= times[out], "no tick before a heartbeat follows it"
                last_sign_ns = clock.time_ns
            assert clock.time_ns - last_sign_ns <= 1.01e9, "a feed is never silent for longer than it may be"
    assert out == len(times)
    assert beats == sorted(beats)


def test_what_is_late_goes_out_without_sleeping() -> None:
    clock = HandClock()
    times = 10**18 + np.arange(100_000, dtype=np.int64) * MS
    pacer = Pacer(1.0, clock, slice_rows=1000)
    slices = pacer.due(times)
    assert next(slices)[:2] == (0, 1)
    clock.time_ns += 90 * 10**9  # the writer was blocked
    sizes = [due.end - due.start for due in (next(slices) for _ in range(90))]
    assert sum(sizes) == 90_000
    assert clock.slept == 0


def test_without_a_speed_it_never_waits() -> None:
    clock = HandClock()
    times = np.arange(20_000, dtype=np.int64) * 10**9
    assert [due[:2] for due in Pacer(None, clock, slice_rows=8192).due(times)] == [(0, 8192), (8192, 16384), (16384, 20000)]
    assert clock.slept == 0


@pytest.mark.parametrize(("text", "speed"), [("max", None), ("1", 1.0), ("60x", 60.0), ("0.5", 0.5)])
def test_speeds(text: str, speed: float | None) -> None:
    assert parse_speed(text) == speed


@pytest.mark.parametrize("text", ["0", "-1", "fast", "nan", "inf", ""])
def test_speeds_that_are_none(text: str) -> None:
    with pytest.raises(UsageError, match="--speed"):
        parse_speed(text)
