"""The compiled readers and writers give what confluent-kafka's own calls give."""

from __future__ import annotations

import ctypes
import time
import uuid
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.bus import Batch, Records, TopicSettings
from schemas.errors import RecordTooLarge, SettingsError
from schemas.rdkafka import MAX_RECORD_BYTES, MESSAGE_DTYPE, Message, library
from trademaster.bus.kafka import KafkaBus, parse_url

FEW = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])

rows = st.lists(
    st.tuples(st.integers(0, 2), st.binary(max_size=20), st.none() | st.binary(max_size=300)),
    min_size=1,
    max_size=60,
)


@pytest.fixture(scope="module")
def buses(kafka: Any) -> dict[str, KafkaBus]:
    return {form: KafkaBus(f"kafka://{kafka.bootstrap}?trademaster.binding={form}", patience_s=20) for form in ("compiled", "plain")}


def _topic(bus: KafkaBus, partitions: int = 3) -> str:
    name = f"test.{uuid.uuid4().hex}"
    bus.create([TopicSettings(name, partitions, compacted=False)])
    return name


def _all(bus: KafkaBus, topic: str, size: int = 10_000) -> list[list[tuple[Any, ...]]]:
    """Offset, time, key and value of each record, by partition."""
    reader = bus.reader(topic, with_keys=True)
    found: list[list[tuple[Any, ...]]] = [[] for _ in range(3)]
    end = reader.end()
    while reader.position() != end:
        batch = reader.poll(size, 20.0)
        assert batch is not None
        assert len(batch) <= size
        for row, value in enumerate(batch.values()):
            assert batch.keys is not None
            found[batch.partition[row]].append((int(batch.offset[row]), int(batch.timestamp_ms[row]), batch.keys[row], value))
    reader.close()
    return found


def _write(bus: KafkaBus, topic: str, batch: list[tuple[int, bytes, bytes | None]], timestamp_ms: int) -> None:
    writer = bus.writer()
    writer.write(Records(topic, [p for p, _, _ in batch], [k for _, k, _ in batch], [v for _, _, v in batch], timestamp_ms))
    writer.flush()
    writer.close()


def test_the_library_of_the_wheel_is_found() -> None:
    assert library() is not None


def test_both_declarations_of_a_message_agree() -> None:
    assert MESSAGE_DTYPE.itemsize == ctypes.sizeof(Message)
    assert {name: MESSAGE_DTYPE.fields[name][1] for name in MESSAGE_DTYPE.names or ()} == {  # type: ignore[index]
        name: getattr(Message, name).offset for name, _ in Message._fields_
    }


@FEW
@given(batch=rows, size=st.integers(1, 70), dated=st.booleans())
def test_both_forms_write_and_read_the_same(buses: dict[str, KafkaBus], batch: list[Any], size: int, dated: bool) -> None:
    topics = {form: _topic(bus) for form, bus in buses.items()}
    time_ms = time.time_ns() // 1_000_000 - 60_000  # not older than the topic's retention: Kafka deletes by this time
    for form, bus in buses.items():
        _write(bus, topics[form], batch, time_ms if dated else -1)
    read = {(writer, reader): _all(buses[reader], topics[writer], size) for writer in buses for reader in buses}
    for writer in buses:
        assert read[writer, "compiled"] == read[writer, "plain"]
    expected = [[(key, value or b"") for p, key, value in batch if p == number] for number in range(3)]
    for found in read.values():
        assert [[(key, value) for _, _, key, value in part] for part in found] == expected
        assert [[offset for offset, _, _, _ in part] for part in found] == [list(range(len(part))) for part in expected]
        assert not dated or {written_ms for part in found for _, written_ms, _, _ in part} == {time_ms}


@pytest.mark.parametrize("form", ["compiled", "plain"])
def test_more_than_the_queue_holds_is_written_in_order(buses: dict[str, KafkaBus], form: str) -> None:
    topic = _topic(buses[form])
    count = 50_000  # more than queue.buffering.max.messages
    writer = buses[form].writer()
    writer.write(Records(topic, [n % 3 for n in range(count)], [b"k"] * count, [b"%d" % n for n in range(count)]))
    writer.flush()
    writer.close()
    found = _all(buses["compiled"], topic)
    assert [[int(value) for _, _, _, value in part] for part in found] == [list(range(number, count, 3)) for number in range(3)]


@pytest.mark.parametrize("form", ["compiled", "plain"])
def test_five_megabytes_pass_and_what_is_too_large_is_refused_before_anything_of_its_call(buses: dict[str, KafkaBus], form: str) -> None:
    topic = _topic(buses[form])
    large = np.random.default_rng(7).bytes(5_000_000)  # does not compress
    _write(buses[form], topic, [(0, b"a", b"before"), (0, b"b", large), (0, b"c", b"after")], -1)
    with pytest.raises(RecordTooLarge, match=str(MAX_RECORD_BYTES)):
        _write(buses[form], topic, [(0, b"d", b"small"), (0, b"e", bytes(MAX_RECORD_BYTES))], -1)
    _write(buses[form], topic, [(0, b"f", bytes(MAX_RECORD_BYTES - 1))], -1)
    assert [value for _, _, _, value in _all(buses[form], topic)[0]] == [b"before", large, b"after", bytes(MAX_RECORD_BYTES - 1)]


def test_a_batch_owns_its_columns(buses: dict[str, KafkaBus]) -> None:
    """What was returned is not written over by the next poll, and outlives the reader."""
    bus = buses["compiled"]
    topic = _topic(bus, 1)
    _write(bus, topic, [(0, b"%d" % n, b"%d" % n * 10) for n in range(1000)], -1)
    reader = bus.reader(topic)
    batches: list[Batch] = []
    while sum(map(len, batches)) < 1000:
        batch = reader.poll(7, 20.0)
        assert batch is not None
        batches.append(batch)
    reader.close()
    assert [value for batch in batches for value in batch.values()] == [b"%d" % n * 10 for n in range(1000)]


@pytest.mark.parametrize(
    "url",
    [
        "kafka://",
        "kafka:/h:1",
        "kafka://host",
        "kafka://h:0",
        "kafka://h:1,,h:2",
        "kafka://h:x",
        "kafka://h:1?sasl.password=env:TM_NOT_SET",
    ],
)
def test_a_wrong_url_is_refused(url: str) -> None:
    with pytest.raises(SettingsError):
        parse_url(url)


def test_a_wrong_property_is_refused_by_its_name_and_secrets_are_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TM_PASSWORD", "hush")
    properties, ours = parse_url("kafka://a:1,b:2?sasl.password=env:TM_PASSWORD&security.protocol=SASL_SSL&trademaster.group=g")
    assert (properties["bootstrap.servers"], properties["sasl.password"], ours) == ("a:1,b:2", "hush", {"group": "g"})
    for url in (
        "kafka://127.0.0.1:1?nonsense=1",
        "kafka://127.0.0.1:1?trademaster.nonsense=1",
        "kafka://127.0.0.1:1?trademaster.patience_s=x",
    ):
        with pytest.raises(SettingsError, match=r"nonsense|patience"):
            KafkaBus(f"{url}&sasl.password=env:TM_PASSWORD").writer()
    with pytest.raises(SettingsError) as caught:
        KafkaBus("kafka://nowhere?sasl.password=hush")
    assert "hush" not in str(caught.value)
