"""A wall clock that is set back stops the engine's epochs: a worker notices, drains and is started again."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence

import pytest
import structlog
from structlog.testing import capture_logs

from trademaster.engine.worker import CLOCK_BACK_S, watch_clock


def watch(wall_s: Sequence[float], monotonic_s: Sequence[float]) -> tuple[bool, list[str]]:
    """Whether the clock was found to be set back, looking once at each pair of times; what was said."""
    stopping, back = threading.Event(), threading.Event()

    def until_over(times: Sequence[float]) -> Iterator[float]:
        yield from times[:-1]
        stopping.set()
        yield times[-1]

    wall, monotonic = iter(wall_s), until_over(monotonic_s)
    with capture_logs() as said:
        watch_clock(stopping, back, structlog.get_logger(), wall_s=lambda: next(wall), monotonic_s=lambda: next(monotonic), every_s=0.0)
    assert stopping.is_set()
    return back.is_set(), [entry["event"] for entry in said]


def test_an_hour_back() -> None:
    assert watch([100.0, 101.0, 102.0 - 3600.0], [10.0, 11.0, 12.0]) == (True, ["the clock was set back"])


@pytest.mark.parametrize(
    ("wall_s", "monotonic_s"),
    [
        ([100.0, 101.0, 102.0], [10.0, 11.0, 12.0]),
        ([100.0, 101.0 + 3600.0, 102.0 + 3600.0], [10.0, 11.0, 12.0]),
        ([100.0, 101.0 - CLOCK_BACK_S + 0.5, 102.0 - CLOCK_BACK_S], [10.0, 11.0, 12.0]),
        ([100.0, 400.0, 401.0], [10.0, 310.0, 311.0]),
    ],
    ids=["steady", "set forward", "a little back", "asleep for minutes"],
)
def test_no_reason_to_stop(wall_s: list[float], monotonic_s: list[float]) -> None:
    assert watch(wall_s, monotonic_s) == (False, [])


def test_it_is_said_once() -> None:
    assert watch([100.0, 101.0 - 60.0, 102.0], [10.0, 11.0, 12.0])[1] == ["the clock was set back"]
