"""Bars by quixstreams: its dataframe of a topic, tumbling windows, state in RocksDB as it comes. One process.

::

    topic of JSON, times from the ticks ──► tumbling_window(1 s) ──► reduce ──► final ──► topic of JSON
"""

from __future__ import annotations

import logging
import sys
import tempfile
import uuid
from typing import Any

from quixstreams import Application  # type: ignore[import-not-found]  # installed for the benchmark only

SECOND_NS = 1_000_000_000
QUIET_S = 3.0


def event_time_ms(value: dict[str, Any], *_: Any) -> int:
    return int(value["timestamp"]) // 1_000_000


def start_bar(tick: dict[str, Any]) -> dict[str, Any]:
    price = tick["price"]
    start = tick["timestamp"] // SECOND_NS * SECOND_NS
    prices = {"open": price, "high": price, "low": price, "close": price}
    return {"symbol": tick["symbol"], "start": start, **prices, "volume": float(tick["size"]), "tradeCount": 1}


def extend_bar(bar: dict[str, Any], tick: dict[str, Any]) -> dict[str, Any]:
    price = tick["price"]
    bar["high"] = max(bar["high"], price)
    bar["low"] = min(bar["low"], price)
    bar["close"] = price
    bar["volume"] += tick["size"]
    bar["tradeCount"] += 1
    return bar


def main(bootstrap: str, ticks: str, bars: str, folder: str) -> None:
    application = Application(
        broker_address=bootstrap,
        consumer_group=f"quix-{uuid.uuid4()}",
        auto_offset_reset="earliest",
        state_dir=folder,
        use_changelog_topics=False,
        auto_create_topics=False,
        loglevel=logging.WARNING,
    )
    source = application.topic(ticks, key_deserializer="str", value_deserializer="json", timestamp_extractor=event_time_ms)
    target = application.topic(bars, value_serializer="json")
    frame = application.dataframe(source)
    frame = frame.tumbling_window(duration_ms=1000).reduce(reducer=extend_bar, initializer=start_bar).final()
    frame = frame.apply(lambda window: window["value"])
    frame.to_topic(target)
    # It can count what comes out, but not what goes in: so it ends when nothing new has come for a while.
    application.run(timeout=QUIET_S)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as state:
        main(sys.argv[1], sys.argv[2], sys.argv[3], state)
