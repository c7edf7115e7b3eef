"""Bars by micro-batches: confluent-kafka and polars' NDJSON reader and group-by. One process, no recovery.

::

    consume(10,000) ──► read_ndjson ──► group by symbol and second ──► merge with the open bars ──► produce
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Sequence

import polars as pl
from confluent_kafka import Consumer, Message, Producer

from benchmarks.peers.by_hand import SECOND_NS, assign_all, note_ends, produce, values

SCHEMA = {"symbol": pl.String, "timestamp": pl.Int64, "price": pl.Float64, "size": pl.Float64}


def main(bootstrap: str, ticks: str, bars: str) -> None:
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "polars", "fetch.queue.backoff.ms": 2, "enable.auto.commit": False})
    producer = Producer({"bootstrap.servers": bootstrap, "enable.idempotence": True, "linger.ms": 5})
    remaining = assign_all(consumer, ticks)
    open_bars = _parts(pl.DataFrame(schema=SCHEMA))
    gc.disable()
    while remaining:
        messages = consumer.consume(10_000, 1.0)
        if messages:
            merged = _merge(pl.concat([open_bars, _parts(_read(messages))]))
            last = pl.col("start") == pl.col("start").max().over("symbol")
            open_bars = merged.filter(last)
            for line in merged.filter(~last).write_ndjson().splitlines():
                produce(producer, bars, line.encode())
        producer.poll(0)
        note_ends(remaining, messages)
    producer.flush()


def _read(messages: Sequence[Message]) -> pl.DataFrame:
    return pl.read_ndjson(b"\n".join(values(list(messages))), schema=SCHEMA)


def _parts(ticks: pl.DataFrame) -> pl.DataFrame:
    """Bars of one batch, which may be parts of bars."""
    price = pl.col("price")
    return ticks.group_by("symbol", (pl.col("timestamp") // SECOND_NS * SECOND_NS).alias("start"), maintain_order=True).agg(
        price.first().alias("open"),
        price.max().alias("high"),
        price.min().alias("low"),
        price.last().alias("close"),
        pl.col("size").sum().alias("volume"),
        pl.len().cast(pl.Int64).alias("tradeCount"),
    )


def _merge(parts: pl.DataFrame) -> pl.DataFrame:
    """Parts of the same bar, older ones first, become one."""
    return parts.group_by("symbol", "start", maintain_order=True).agg(
        pl.col("open").first(),
        pl.col("high").max(),
        pl.col("low").min(),
        pl.col("close").last(),
        pl.col("volume").sum(),
        pl.col("tradeCount").sum(),
    )


if __name__ == "__main__":
    main(*sys.argv[1:4])
