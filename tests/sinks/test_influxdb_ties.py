"""Different events of one series and nanosecond get different numbers, the same event always the same: whatever dies, however it is cut."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import StoreError
from sinks.influx.ties import WINDOW, TieMemory

Event = tuple[int, int]
"""Key and id."""

STREAMS = st.lists(st.tuples(st.integers(1, 4), st.integers(1, 6)), max_size=60)


def plain(stream: list[Event]) -> list[int]:
    """Numbers by the book."""
    seen: dict[int, list[int]] = {}
    numbers = []
    for key, name in stream:
        known = seen.setdefault(key, [])
        if name not in known:
            known.append(name)
        numbers.append(known.index(name))
    return numbers


def numbered(memory: TieMemory, stream: list[Event], offset: int = 0) -> list[int]:
    keys, ids = np.array(stream, np.uint64).reshape(-1, 2).T
    # A word per event: odd keys and ids that differ in their upper bits, as hashes do.
    spread = np.uint64(0x9E3779B97F4A7C15)
    return [int(number) for number in memory.number("t", 0, keys * spread, ids * spread, np.arange(offset, offset + len(stream)))]


@given(STREAMS, st.data())
def test_numbers_do_not_depend_on_batches_or_on_who_died_when(stream: list[Event], data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        memory, at, found = TieMemory(Path(folder)), 0, [-1] * len(stream)
        while at < len(stream):
            to = data.draw(st.integers(at + 1, len(stream)))
            numbers = numbered(memory, stream[at:to], at)
            for place, number in enumerate(numbers, at):
                assert found[place] in (-1, number), "a replay gave an event another number"
                found[place] = number
            at = to
            if data.draw(st.booleans()):  # killed: another process goes on from an earlier offset
                memory, at = TieMemory(Path(folder)), data.draw(st.integers(0, at)) if data.draw(st.integers(0, 3)) == 0 else at
        assert found == plain(stream)


def test_a_replay_longer_than_the_memory_gives_the_same_numbers() -> None:
    rng, memory = np.random.default_rng(1), TieMemory(None)
    count = 5 * WINDOW
    keys = np.repeat(rng.integers(1, 2**63, count // 3 + 1).astype(np.uint64), 3)[:count]  # each key stands three times, side by side
    ids = rng.integers(1, 2**63, count).astype(np.uint64)
    offsets = np.arange(count)
    first = memory.number("t", 0, keys, ids, offsets)
    assert np.array_equal(first, np.arange(count) % 3)
    for start in (0, WINDOW // 2 * 3, 3 * WINDOW):
        assert np.array_equal(memory.number("t", 0, keys[start:], ids[start:], offsets[start:]), first[start:])


def test_ties_within_the_window_are_seen() -> None:
    rng, memory = np.random.default_rng(2), TieMemory(None)
    keys = rng.integers(1, 2**63, WINDOW - 1).astype(np.uint64)
    ids = rng.integers(1, 2**63, WINDOW - 1).astype(np.uint64)
    memory.number("t", 0, keys, ids, np.arange(WINDOW - 1))
    again = memory.number("t", 0, keys[:1], ids[1:2], np.array([WINDOW]))
    assert again.tolist() == [1]
    assert memory.number("t", 1, keys[:1], ids[1:2], np.array([0])).tolist() == [0], "another partition has other series"


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="expected room for"):
        numbered(TieMemory(tmp_path / "file"), [(1, 1)])
