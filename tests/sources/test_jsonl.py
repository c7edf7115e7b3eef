"""Each line that is not blank is a record or a reject, its value unchanged, wherever the file is cut."""

from __future__ import annotations

import gzip
import io
import json
import os

from hypothesis import assume, given
from hypothesis import strategies as st

from schemas.events import RawEnvelope
from schemas.times import parse_time
from schemas.topics import TOPICS
from sources.bare_payloads import envelope, is_envelope
from sources.jsonl import LineBlock, read_lines

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["type", "symbol", "a", "value", "topic"]), inner, max_size=3)
    ),
    max_leaves=6,
)


def read(data: bytes, topic: str | None = None, chunk_bytes: int = 1 << 20) -> LineBlock:
    whole = LineBlock([], [], [])
    for block in read_lines(io.BytesIO(data), topic, chunk_bytes=chunk_bytes):
        whole.lines.extend(block.lines)
        whole.topics.extend(block.topics)
        whole.values.extend(block.values)
        whole.rejects.extend(block.rejects)
    return whole


@given(
    st.lists(st.tuples(st.sampled_from(sorted(TOPICS)), json_values)),
    st.integers(1, 100),
    st.sampled_from([b"\n", b"\r\n", b"\n\n"]),
    st.booleans(),
)
def test_what_is_written_comes_back(records: list[tuple[str, object]], chunk_bytes: int, ending: bytes, packed: bool) -> None:
    data = ending.join(json.dumps({"topic": topic, "value": value}).encode() for topic, value in records)
    found = read(gzip.compress(data) if packed else data, None, chunk_bytes)
    assert not found.rejects
    assert found.topics == [topic for topic, _ in records]
    assert [json.loads(value or b"null") for value in found.values] == [value for _, value in records]
    step = ending.count(b"\n")
    assert found.lines == [1 + at * step for at in range(len(records))]


@given(st.lists(st.one_of(st.binary(max_size=20), json_values.map(lambda value: json.dumps(value).encode()))), st.integers(1, 30))
def test_each_line_is_a_record_or_a_reject(lines: list[bytes], chunk_bytes: int) -> None:
    data = b"\n".join(lines)
    assume(not data.startswith((b"\xff\xfe", b"\xfe\xff", b"\x1f\x8b")))  # which say that the whole is UTF-16, or gzip
    for topic in (None, "market.ticks"):
        found = read(data, topic, chunk_bytes)
        numbers = [number for number, line in enumerate(data.removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1) if line.strip()]
        assert sorted(found.lines + [reject.line for reject in found.rejects]) == numbers


def test_a_line_of_a_pipe_is_read_before_the_next_one_is_written() -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as source, os.fdopen(writing, "wb", buffering=0) as out:
        out.write(b"[1]\n[2")
        blocks = read_lines(source, "market.ticks")
        assert next(blocks).values == [b"[1]"]
        out.write(b"]\n")
        assert next(blocks).values == [b"[2]"]
        out.close()
        assert list(blocks) == []


def test_bare_values_need_a_topic() -> None:
    bare = b'{"type":"trade"}\n[1,2]\n{"topic":5}\n'
    assert read(bare, "market.ticks").values == [b'{"type":"trade"}', b"[1,2]", b'{"topic":5}']
    assert [reject.line for reject in read(bare).rejects] == [1, 2, 3]
    assert "no.topic" in read(b'{"topic":"no.topic","value":1}').rejects[0].detail


def test_a_bare_payload_gets_a_header_of_its_time_or_its_line() -> None:
    import msgspec

    for payload, wanted_ns in (
        (b'{"limitId":"a"}', 17_000_000),
        (b'{"timestamp":"2012-06-21T13:30:00Z"}', 1340285400 * 10**9),
        (b'{"timestamp":1340285400000000000}', 1340285400 * 10**9),
        (b'{"timestamp":"noon"}', 17_000_000),
        (b"[]", 17_000_000),
    ):
        event = msgspec.json.decode(envelope("control.limits", 17, payload), type=RawEnvelope)
        assert parse_time(event.header.timestamp) == wanted_ns
        assert event.header.event_id == "control.limits|17"
        assert event.header.event_type == "CONTROL_UPDATE"
        assert bytes(event.payload) == payload
        again = envelope("control.limits", 99, msgspec.json.encode(event))
        assert is_envelope(again)
        assert b"control.limits|17" in again
    assert envelope("market.ticks", 1, b'{"type":"trade"}') == b'{"type":"trade"}'
