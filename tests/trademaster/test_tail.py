"""Records of a topic as JSON lines, read from a real embedded bus."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from schemas.bus import Bus, Reader, Records, TopicSettings
from trademaster.bus import open_bus
from trademaster.cli import execute
from trademaster.tail import records

VALUES = [b'{"price":1.10}', b"not json", b'{"a":\n 1}', None, b"7"]


@pytest.fixture
def bus(tmp_path: Path) -> Iterator[Bus]:
    opened = open_bus(f"embedded:{tmp_path}/bus")
    opened.create([TopicSettings("market.bars", 2, compacted=False)])
    write(opened, VALUES)
    yield opened
    opened.close()


def write(bus: Bus, values: list[bytes | None]) -> None:
    writer = bus.writer()
    keys = [f"k{number}".encode() for number in range(len(values))]
    writer.write(Records("market.bars", [0] * len(values), keys, values, timestamp_ms=1_000))
    writer.flush()
    writer.close()


def test_every_record_is_one_line_of_json(bus: Bus) -> None:
    lines = list(records(bus, "market.bars", from_end=False, key=None, limit=None, follow=False))
    assert all(line.endswith(b"\n") and line.count(b"\n") == 1 for line in lines)
    parsed = [json.loads(line) for line in lines]
    assert [line["value"] for line in parsed] == [{"price": 1.1}, "not json", {"a": 1}, None, 7]
    assert b'"value":{"price":1.10}' in lines[0], "digits are kept as they were written"
    assert [line["offset"] for line in parsed] == [0, 1, 2, 3, 4]
    assert parsed[0]["time"] == "1970-01-01T00:00:01.000000000Z"


def test_key_and_limit_choose(bus: Bus) -> None:
    assert [json.loads(line)["key"] for line in records(bus, "market.bars", from_end=False, key="k3", limit=None, follow=False)] == ["k3"]
    assert len(list(records(bus, "market.bars", from_end=False, key=None, limit=2, follow=True))) == 2
    assert list(records(bus, "market.bars", from_end=False, key=None, limit=0, follow=True)) == []


def test_from_the_end_is_what_comes_after(bus: Bus) -> None:
    assert list(records(bus, "market.bars", from_end=True, key=None, limit=None, follow=False)) == []
    reading = records(bus, "market.bars", from_end=True, key=None, limit=1, follow=True)
    # The reader opens at the first line asked for, so that line must come from a writer that is already waiting.
    import threading

    stop = threading.Event()

    def keep_writing() -> None:
        with_own = open_bus(bus.url)
        while not stop.wait(0.02):
            write(with_own, [b'"new"'])
        with_own.close()

    writing = threading.Thread(target=keep_writing)
    writing.start()
    try:
        line = json.loads(next(reading))
    finally:
        stop.set()
        writing.join()
    assert line["value"] == "new"
    assert line["offset"] >= len(VALUES)


def test_without_following_what_comes_meanwhile_is_left(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = bus.reader

    def reader_after_a_write(*arguments: Any, **options: Any) -> Reader:
        write(bus, [b'"meanwhile"'])
        return opened(*arguments, **options)

    monkeypatch.setattr(bus, "reader", reader_after_a_write)
    assert len(list(records(bus, "market.bars", from_end=False, key=None, limit=None, follow=False))) == len(VALUES)


def test_the_command_prints_lines(bus: Bus, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert execute(["tail", "market.bars", "--from", "beginning", "--no-follow", "--limit", "1", "--bus", bus.url]) == 0
    assert json.loads(capfdbinary.readouterr().out)["value"] == {"price": 1.1}
