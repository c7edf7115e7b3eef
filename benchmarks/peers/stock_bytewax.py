"""Bars by Bytewax as it is sold: its Kafka source and sink, its windows, one process or two.

::

    KafkaSource ──► json ──► key on symbol ──► fold_window(1 s, EventClock) ──► KafkaSink

Its ``EventClock`` lets the watermark run with the wall clock, so that a replay drops most ticks as late without a word. A clock that
stands still and windows that no timer closes mend it.
"""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import bytewax.operators as op
from bytewax.connectors.kafka import KafkaError, KafkaSink, KafkaSinkMessage, KafkaSource, KafkaSourceMessage
from bytewax.dataflow import Dataflow
from bytewax.operators.windowing import EventClock, TumblingWindower, fold_window
from bytewax.run import cli_main

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SECOND_NS = 1_000_000_000

Acc = list[Any]
"""symbol, start, open, high, low, close, volume, count"""


def build(bootstrap: str, ticks: str, bars: str) -> Dataflow:
    flow = Dataflow("bars")
    source = KafkaSource([bootstrap], [ticks], tail=False, batch_size=10_000, add_config={"fetch.queue.backoff.ms": "2"})
    decoded = op.map("decode", op.input("ticks", flow, source), decode)
    keyed = op.key_on("symbol", decoded, lambda tick: tick["symbol"])
    clock: EventClock[dict[str, Any]] = EventClock(
        ts_getter=lambda tick: EPOCH + timedelta(microseconds=tick["timestamp"] // 1000),
        wait_for_system_duration=timedelta(0),
        now_getter=lambda: EPOCH,
        to_system_utc=lambda _: None,
    )
    windows = TumblingWindower(length=timedelta(seconds=1), align_to=EPOCH)
    closed = fold_window("bars", keyed, clock, windows, list, fold, lambda first, _: first)
    encoded = op.map("encode", closed.down, lambda item: KafkaSinkMessage(None, encode(item[1][1])))
    op.output("out", encoded, KafkaSink([bootstrap], bars))
    return flow


def decode(message: KafkaSourceMessage[Any, Any] | KafkaError[Any, Any]) -> dict[str, Any]:
    if isinstance(message, KafkaError):
        raise RuntimeError(message)
    tick: dict[str, Any] = json.loads(message.value)
    return tick


def fold(bar: Acc, tick: dict[str, Any]) -> Acc:
    price, size = tick["price"], tick["size"]
    if not bar:
        return [tick["symbol"], tick["timestamp"] // SECOND_NS * SECOND_NS, price, price, price, price, float(size), 1]
    bar[3] = max(bar[3], price)
    bar[4] = min(bar[4], price)
    bar[5] = price
    bar[6] += size
    bar[7] += 1
    return bar


def encode(bar: Acc) -> bytes:
    names = ("symbol", "start", "open", "high", "low", "close", "volume", "tradeCount")
    return json.dumps(dict(zip(names, bar, strict=True))).encode()


if __name__ == "__main__":
    flow = build(*sys.argv[1:4])
    if len(sys.argv) > 5:
        cli_main(flow, process_id=int(sys.argv[6]), addresses=sys.argv[5].split(";"))
    else:
        cli_main(flow)
