"""Columns of texts hold what lists of them hold, and become a writer's form."""

from __future__ import annotations

from itertools import chain

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from schemas.bus import Column, RecordColumns, Records, joined
from schemas.outgoing import Outgoing

texts = st.lists(st.binary(max_size=5), max_size=6)


def column(parts: list[bytes]) -> Column:
    return Column(np.frombuffer(b"".join(parts), np.uint8), np.cumsum([len(part) for part in parts], dtype=np.int64))


@given(st.lists(texts, min_size=1, max_size=4))
def test_joined_columns_hold_all_their_texts_in_order(lists: list[list[bytes]]) -> None:
    whole = joined([column(parts) for parts in lists])
    assert list(whole) == list(chain(*lists))
    assert len(whole) == sum(map(len, lists))


@given(texts, st.data())
def test_a_part_of_a_column_is_that_of_the_list(parts: list[bytes], data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(parts)))
    stop = data.draw(st.integers(start, len(parts)))
    assert list(column(parts).part(start, stop)) == parts[start:stop]


@given(st.lists(st.tuples(st.binary(max_size=4), st.binary(max_size=4), st.integers(0, 2**31 - 1)), max_size=5), st.integers(1, 64))
def test_both_forms_of_outgoing_events_are_placed_alike(rows: list[tuple[bytes, bytes, int]], partitions: int) -> None:
    keys, values, hashes = [key for key, _, _ in rows], [value for _, value, _ in rows], [number for _, _, number in rows]
    listed = Outgoing("t", keys, values, hashes, hashes, hashes).records(partitions)
    laid = Outgoing("t", column(keys), column(values), np.array(hashes, np.int32), hashes, hashes).records(partitions)
    assert isinstance(listed, Records)
    assert isinstance(laid, RecordColumns)
    assert list(listed.partitions) == laid.partitions.tolist() == [value % partitions for value in hashes]
    assert (list(listed.keys), list(listed.values)) == (list(laid.keys), list(laid.values)) == (keys, values)
