"""Bars by hand: confluent-kafka, msgspec and a dict; what an able programmer writes in an afternoon. One process, no recovery.

::

    consume(10,000) ──► msgspec ──► dict of open bars ──► produce
"""

from __future__ import annotations

import gc
import sys

import msgspec
from confluent_kafka import OFFSET_BEGINNING, Consumer, Message, Producer, TopicPartition

SECOND_NS = 1_000_000_000


class Tick(msgspec.Struct, gc=False):
    """What of a tick a bar needs."""

    symbol: str
    timestamp: int
    price: float
    size: float


class Bar(msgspec.Struct, rename="camel"):
    """An open bar, and what is written of it when it is closed."""

    symbol: str
    start: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    trade_count: int


def main(bootstrap: str, ticks: str, bars: str) -> None:
    # The settings that matter: without the first, catching up is capped at 175,000 a second.
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "by-hand", "fetch.queue.backoff.ms": 2, "enable.auto.commit": False})
    producer = Producer({"bootstrap.servers": bootstrap, "enable.idempotence": True, "linger.ms": 5})
    encode, decode = msgspec.json.encode, msgspec.json.Decoder(list[Tick]).decode
    remaining = assign_all(consumer, ticks)
    open_bars: dict[str, Bar] = {}
    gc.disable()
    while remaining:
        messages = consumer.consume(10_000, 1.0)
        for tick in decode(b"[" + b",".join(values(messages)) + b"]"):
            bar = open_bars.get(tick.symbol)
            if bar is None or tick.timestamp >= bar.start + SECOND_NS:
                if bar is not None:
                    produce(producer, bars, encode(bar))
                start = tick.timestamp // SECOND_NS * SECOND_NS
                open_bars[tick.symbol] = Bar(tick.symbol, start, tick.price, tick.price, tick.price, tick.price, tick.size, 1)
                continue
            bar.high = max(bar.high, tick.price)
            bar.low = min(bar.low, tick.price)
            bar.close = tick.price
            bar.volume += tick.size
            bar.trade_count += 1
        producer.poll(0)
        note_ends(remaining, messages)
    producer.flush()


def assign_all(consumer: Consumer, topic: str) -> dict[int, int]:
    """Read a topic from its beginning; the last offset of each partition that is not empty."""
    partitions = consumer.list_topics(topic, 30.0).topics[topic].partitions
    consumer.assign([TopicPartition(topic, partition, OFFSET_BEGINNING) for partition in partitions])
    ends = {partition: consumer.get_watermark_offsets(TopicPartition(topic, partition), 30.0)[1] for partition in partitions}
    return {partition: end - 1 for partition, end in ends.items() if end}


def values(messages: list[Message]) -> list[bytes]:
    """The payloads. Raises RuntimeError: a message is an error."""
    for message in messages:
        if message.error():
            raise RuntimeError(message.error())
    return [message.value() or b"" for message in messages]


def note_ends(remaining: dict[int, int], messages: list[Message]) -> None:
    """Forget the partitions that have been read to their last offset."""
    last = {message.partition(): message.offset() for message in messages}
    for partition, offset in last.items():
        if offset is not None and partition is not None and offset >= remaining.get(partition, offset + 1):
            del remaining[partition]


def produce(producer: Producer, topic: str, value: bytes) -> None:
    """Queue a record, waiting for room where there is none."""
    while True:
        try:
            producer.produce(topic, value)
        except BufferError:
            producer.poll(0.1)
        else:
            return


if __name__ == "__main__":
    main(*sys.argv[1:4])
