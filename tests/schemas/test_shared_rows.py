"""Rows that cross through shared memory arrive as they were, take no block for longer than that, and need no block to arrive."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from contextlib import ExitStack
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.shared_rows import BLOCK_BYTES, Lanes, Span, create_lanes, use_lanes
from schemas.symbols import SYMBOLS
from schemas.ticks import NO_SYMBOL, TICK, TRADE, WATERMARK, TickFrame, empty_rows

BLOCKS = 8


@pytest.fixture(scope="module")
def lanes() -> Iterator[Lanes]:
    """Both ends are this process."""
    with ExitStack() as closing:
        fds = create_lanes(2, closing, blocks=BLOCKS)
        if not fds:
            pytest.skip("no lanes on this machine")
        lanes = Lanes(fds, 1, blocks=BLOCKS)
        use_lanes(lanes)
        closing.callback(use_lanes, None)
        yield lanes


def frame(count: int, seed: int, *, quotes: bool) -> TickFrame:
    rng = np.random.default_rng(seed)
    rows = empty_rows(count)
    for name in ("price", "size", *(("bid", "ask_size") if quotes else ())):
        rows[name] = rng.normal(size=count)
    for name in ("time", "sequence", "watermark", "offset"):
        rows[name] = rng.integers(0, 2**62, count)
    rows["symbol"] = [SYMBOLS.code(f"LANE{symbol}") for symbol in rng.integers(0, 9, count)]
    rows["kind"], rows["partition"] = TRADE, rng.integers(0, 2**31 - 1, count)
    rows["kind"][-1:], rows["symbol"][-1:] = WATERMARK, NO_SYMBOL
    return TickFrame(rows)


def is_same(found: TickFrame, sent: TickFrame) -> bool:
    assert found.rows.dtype == TICK
    assert found.rows.flags.writeable
    return all(np.array_equal(found.rows[name], sent.rows[name], equal_nan=True) for name in TICK.names or ())


@given(st.lists(st.tuples(st.integers(0, 700), st.booleans()), min_size=1, max_size=8), st.integers(0, 2**32))
def test_frames_arrive_whole_whatever_is_under_way_and_free_what_they_took(
    lanes: Lanes, shapes: list[tuple[int, bool]], order: int
) -> None:
    sent = [frame(count, seed, quotes=quotes) for seed, (count, quotes) in enumerate(shapes)]
    under_way = []
    for each in sent:
        first = pickle.dumps(each)
        taken = lanes.taken()
        assert pickle.dumps(each) == first
        assert lanes.taken() == taken
        under_way.append((each, first))
    Random(order).shuffle(under_way)
    for each, pickled in under_way:
        assert is_same(pickle.loads(pickled), each)
    assert lanes.taken() == 0


def test_a_frame_that_finds_room_is_pickled_as_a_reference(lanes: Lanes) -> None:
    pickled = pickle.dumps(frame(400, 0, quotes=False))
    assert len(pickled) < 400
    assert lanes.taken() == 400 * 64 // BLOCK_BYTES + 1
    pickle.loads(pickled)


def test_a_frame_that_is_sent_to_several_steps_is_there_for_each(lanes: Lanes) -> None:
    each = frame(500, 3, quotes=True)
    sent = [pickle.dumps(each) for _ in range(6)]
    assert sent[0] == sent[1] != sent[2] == sent[3] != sent[4]
    assert all(is_same(pickle.loads(one), each) for one in sent[::2])
    assert lanes.taken() == 0


def test_a_reference_that_was_read_is_never_read_again(lanes: Lanes) -> None:
    sent = pickle.dumps(frame(500, 4, quotes=False))
    pickle.loads(sent)
    with pytest.raises(RuntimeError, match="read before"):
        pickle.loads(sent)
    other = pickle.dumps(frame(500, 5, quotes=False))
    with pytest.raises(RuntimeError, match="read before"):
        pickle.loads(sent)
    pickle.loads(other)


def test_a_frame_that_finds_no_room_is_pickled_whole(lanes: Lanes) -> None:
    all_of_it = lanes.take(BLOCKS * BLOCK_BYTES)
    assert all_of_it is not None
    each = frame(300, 1, quotes=True)
    pickled = pickle.dumps(each)
    lanes.free(all_of_it)
    assert len(pickled) > 300 * TICK.itemsize
    assert is_same(pickle.loads(pickled), each)


@given(st.lists(st.integers(0, 3 * BLOCK_BYTES), max_size=20))
def test_spans_under_way_never_overlap(lanes: Lanes, sizes: list[int]) -> None:
    spans: list[Span] = []
    for place, size in enumerate(sizes):
        span = lanes.take(size)
        if span is None or place % 3 == 2:
            for old in spans[::2]:
                lanes.free(old)
            spans = spans[1::2]
        if span is not None:
            spans.append(span)
    blocks = [block for span in spans for block in range(span.first, span.first + span.blocks)]
    assert len(blocks) == len(set(blocks)) == lanes.taken()
    for span in spans:
        lanes.free(span)


def test_one_process_has_no_lanes() -> None:
    with ExitStack() as closing:
        assert create_lanes(1, closing) == []
