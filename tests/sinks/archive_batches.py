"""Batches for the tests of the archive: records, usual and strange, of several partitions, cut anywhere."""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np
from hypothesis import strategies as st

from schemas.bus import Batch
from schemas.events import Envelope, Header, encode
from schemas.orders import ExecutionReport
from tests.schemas.tick_corpus import corpus

START_NS = 1_790_000_000_000_000_000


def batch_of(topic: str, values: Sequence[bytes], partitions: Sequence[int], first: int = 0, appended_ms: int = 1_790_000_000_000) -> Batch:
    """Records whose offsets go on over all partitions, as they do behind a compaction; every third has no key."""
    count = len(values)
    return Batch(
        topic=topic,
        data=np.frombuffer(b"".join(values), np.uint8),
        ends=np.cumsum([len(value) for value in values], dtype=np.int64),
        partition=np.array(partitions, np.int32),
        offset=first + np.arange(count, dtype=np.int64),
        timestamp_ms=np.full(count, appended_ms, np.int64) + np.arange(first, first + count),
        keys=[None if (first + at) % 3 == 2 else b"key-%d" % (first + at) for at in range(count)],
    )


def part(batch: Batch, start: int, stop: int) -> Batch:
    """The records from ``start`` to before ``stop``."""
    begin = int(batch.ends[start - 1]) if start else 0
    end = int(batch.ends[stop - 1]) if stop else 0
    assert batch.keys is not None
    partition, offset, appended_ms = (getattr(batch, name)[start:stop] for name in ("partition", "offset", "timestamp_ms"))
    return Batch(batch.topic, batch.data[begin:end], batch.ends[start:stop] - begin, partition, offset, appended_ms, batch.keys[start:stop])


def some_ticks(seed: int, count: int) -> list[bytes]:
    """Ticks around the ends of hours, one or several a record, among them tombstones and what is no tick."""
    rng, strange, values = random.Random(seed), corpus(seed, count), []
    for number in range(count):
        kind = rng.random()
        if kind < 0.05:
            values.append(b"")
        elif kind < 0.15:
            values.append(strange[number])
        elif kind < 0.3:
            values.append(b"[" + b", ".join(_tick(rng, number) for _ in range(rng.randrange(4))) + b"]")
        else:
            values.append(_tick(rng, number))
    return values


def _tick(rng: random.Random, number: int) -> bytes:
    time_ns = START_NS + number * 60_000_000_000 + rng.randrange(-(10**12), 10**12)
    extra = b',"id":"%d"' % rng.randrange(10**9) if rng.random() < 0.1 else b""
    price = rng.choice([b"%.2f", b"%.1f", b"%.6f", b"%.0f"]) % rng.uniform(0, 500)
    return b'{"type":"trade","symbol":"%s","timestamp":%d,"price":%s,"size":100%s}' % (rng.choice([b"A", b"BB"]), time_ns, price, extra)


NUMBERS = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.decimals(allow_nan=False, allow_infinity=False, places=3).map(str),
    st.integers(-(10**20), 10**20).map(str),
    st.sampled_from(["-0", "-0.0", "0.10", "1e5", "1E-9", "100.000", "0.00001", "123456789012345678.9", "9007199254740993", "1e400", "01"]),
)
TIMES = st.one_of(
    st.integers(-1, 8 * 10**18).map(str),
    st.datetimes().map(lambda when: f'"{when:%Y-%m-%dT%H:%M:%S}.{when.microsecond:06d}Z"'),
    st.sampled_from(
        ['"2026-02-30T00:00:00Z"', '"2026-01-02T15:04:05Z"', '"2026-01-02T15:04:05.123456789Z"', '"2026-01-02T15:04:05+01:00"']
    ),
)
TEXTS = st.one_of(
    st.sampled_from(['"A"', '""', '"trade"', '"\\u0041"', '"é"', '"\x01"', '"a\\"b"']), st.text(max_size=5).map(lambda text: f'"{text}"')
)
ANY = st.one_of(
    NUMBERS, TIMES, TEXTS, st.sampled_from(["null", "true", "false", "{}", "[]", '[1, {"a": "}"}]', '{"b":[2]}', "nul", "{", ""])
)
SPACE = st.sampled_from(["", "", "", " ", "\n", "\t "])


@st.composite
def objects(draw: st.DrawFn, keys: Sequence[str]) -> str:
    """JSON objects, some of them none, of these keys or others in any order, with spaces anywhere."""
    chosen = draw(st.lists(st.sampled_from([*keys, "other", "é", "a_key_that_is_longer_than_any_other"]), max_size=6))
    members = [f'{draw(SPACE)}"{key}"{draw(SPACE)}:{draw(SPACE)}{draw(ANY)}{draw(SPACE)}' for key in chosen]
    return "{" + ",".join(members) + "}"


def execution(**fields: object) -> bytes:
    """An execution report on the wire."""
    header = Header("e1", "c1", "EXECUTION_REPORT", 2, "2026-01-02T15:04:05.123456789Z", "venue")
    return encode(Envelope(header, ExecutionReport(**fields)))  # type: ignore[arg-type]
