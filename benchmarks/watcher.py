"""Reads what is appended to a topic and notes when it became readable.

``python -m benchmarks.watcher URL TOPIC FILE`` prints a line when it is at the end of the topic and reads until its standard input closes.
FILE (NumPy) then has a row a record: symbol (bytes; of an alert the account), time (event time of a tick, mark or alert, end of a bar,
Unix ns), seen (Unix ns), kind (1: an alert that clears, else 0) and appended (Unix ms, by the clock of the writer or the broker).
"""

from __future__ import annotations

import gc
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from benchmarks.paced_writer import now_ns
from schemas.bus import Batch
from schemas.times import parse_time
from trademaster.bus import open_bus

SEEN = np.dtype([("symbol", "S8"), ("time", np.int64), ("seen", np.int64), ("kind", np.int8), ("appended", np.int64)])

_POLL_S = 0.05


class _Flat(msgspec.Struct):
    symbol: str
    timestamp: int


class _Header(msgspec.Struct):
    timestamp: str


class _Payload(msgspec.Struct):
    symbol: str
    end: str = ""


class _Event(msgspec.Struct):
    header: _Header
    payload: _Payload


class _AlertPayload(msgspec.Struct):
    account: str | None = None
    state: str = ""


class _Alert(msgspec.Struct):
    header: _Header
    payload: _AlertPayload


def decoder(topic: str) -> Callable[[bytes], tuple[str, int, int]]:
    """From a record to its symbol, time and kind."""
    flat, event = msgspec.json.Decoder(_Flat).decode, msgspec.json.Decoder(_Event).decode
    alert = msgspec.json.Decoder(_Alert).decode

    def of_tick(value: bytes) -> tuple[str, int, int]:
        tick = flat(value)
        return tick.symbol, tick.timestamp, 0

    def of_mark(value: bytes) -> tuple[str, int, int]:
        mark = event(value)
        return mark.payload.symbol, parse_time(mark.header.timestamp), 0

    def of_bar(value: bytes) -> tuple[str, int, int]:
        bar = event(value)
        return bar.payload.symbol, parse_time(bar.payload.end), 0

    def of_alert(value: bytes) -> tuple[str, int, int]:
        said = alert(value)
        return said.payload.account or "", parse_time(said.header.timestamp), int(said.payload.state == "clear")

    found = {"market.ticks": of_tick, "market.marks": of_mark, "portfolio.pnl": of_mark, "market.bars": of_bar, "risk.alerts": of_alert}
    return found[topic]


def watch(url: str, topic: str, over: threading.Event) -> list[tuple[int, Batch]]:
    """Batches from now on, each with when it was read. They are decoded later: watching shall cost little."""
    bus = open_bus(url)
    reader = bus.reader(topic, start=dict(bus.state(topic).end))
    batches: list[tuple[int, Batch]] = []
    reader.poll(1, _POLL_S)
    print("watching", flush=True)
    while not over.is_set():
        batch = reader.poll(10_000, _POLL_S)
        if batch is not None:
            batches.append((now_ns(), batch))
    reader.close()
    bus.close()
    return batches


def rows(topic: str, batches: list[tuple[int, Batch]]) -> Any:
    """What was seen, as columns."""
    decode = decoder(topic)
    found = np.empty(sum(len(batch) for _, batch in batches), SEEN)
    at = 0
    for seen, batch in batches:
        for value, appended_ms in zip(batch.values(), batch.timestamp_ms.tolist(), strict=True):
            symbol, time_ns, kind = decode(value)
            found[at] = (symbol.encode(), time_ns, seen, kind, appended_ms)
            at += 1
    return found


def main(url: str, topic: str, file: str) -> None:
    over = threading.Event()

    def wait() -> None:
        sys.stdin.read()
        over.set()

    threading.Thread(target=wait, daemon=True).start()
    gc.disable()
    np.save(Path(file), rows(topic, watch(url, topic, over)))


if __name__ == "__main__":
    main(*sys.argv[1:4])
