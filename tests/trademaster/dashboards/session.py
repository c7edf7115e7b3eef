"""An hour of the session that ships, traded on paper with limits and strategies, as points in InfluxDB."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

import trademaster.data
from schemas.bus import Records
from schemas.times import parse_time
from tests.engine.running import create_topics, run_market
from tests.servers.influxdb import InfluxAddress
from trademaster.bus import open_bus
from trademaster.pipe_input import run_pipe_over
from trademaster.settings import Settings

FLOWS = ["market", "orders", "paper", "portfolio", "risk", "signals"]
SETTINGS = {
    "market": {"intervals": "4s,1m"},
    "risk": {"interval": "4s"},
    "signals": {"strategies": ['dip: rsi(2) < 20 ? "buy" : rsi(2) > 60 ? "flat" : last'], "account": "A1", "quantity": 50},
}
_TRADES = 600
_ORDER_EVERY = 50


def events() -> list[dict[str, Any]]:
    """What the flows say to the session: ``topic`` and ``value`` each."""
    out = io.BytesIO()
    run_pipe_over(Settings(**SETTINGS), FLOWS, io.BytesIO(lines()), out)  # type: ignore[arg-type]
    return [msgspec.json.decode(line) for line in out.getvalue().splitlines()]


def lines() -> bytes:
    """What happened, as lines of JSON."""
    return b"".join(msgspec.json.encode({"topic": topic, "value": value}) + b"\n" for topic, value in _lines())


def last_tick_ns() -> int:
    """Event time of the last of them."""
    times: list[int] = [value["timestamp"] for topic, value in _lines() if topic == "market.ticks"]
    return max(times)


def _lines() -> Iterator[tuple[str, dict[str, Any]]]:
    """Accounts, limits that the session passes, trades with a quote around each, and an order now and then."""
    for account in ("A1", "A2"):
        yield "control.accounts", {"account": account, "cash": "100000"}
        limit = {"limitId": f"{account}-gross", "rule": "gross_exposure", "scope": "account", "account": account}
        yield "control.limits", {**limit, "threshold": "40000"}
    yield "control.limits", {"limitId": "band", "rule": "price_band", "scope": "firm", "threshold": "0.0005"}
    with gzip.open(Path(trademaster.data.__file__).with_name("amzn-trades-2012-06-21.csv.gz"), "rt") as file:
        for number, row in enumerate(csv.DictReader(file)):
            if number == _TRADES:
                break
            time_ns = parse_time(row["Time"].replace(" ", "T") + "Z")
            price = int(row["Price"]) / 10_000
            tick = {"symbol": "AMZN", "timestamp": time_ns}
            yield "market.ticks", {**tick, "type": "trade", "price": price, "size": float(row["Volume"])}
            yield "market.ticks", {**tick, "type": "quote", "bid": round(price - 0.01, 4), "ask": round(price + 0.02, 4)}
            if number % _ORDER_EVERY == 1:
                side = "buy" if number // _ORDER_EVERY % 3 else "sell"
                order = {"command": "place", "account": "A2", "orderId": f"O{number}", "symbol": "AMZN", "side": side}
                yield "orders.commands", {**order, "quantity": "60", "orderType": "market", "timestamp": time_ns}


def deliver(address: InfluxAddress, bucket: str, records: list[dict[str, Any]], folder: Path) -> tuple[int, int]:
    """Put the events on a bus and deliver them; the first and the last time of marks in ns: accounts are opened in 1970."""
    url = f"embedded:{folder / 'bus'}"
    create_topics(url)
    bus = open_bus(url)
    writer = bus.writer()
    for topic in Settings().influxdb.topics:
        values = [record["value"] for record in records if record["topic"] == topic]
        keys = [value["header"]["eventId"].encode() for value in values]
        writer.write(Records(topic, [0] * len(keys), keys, [msgspec.json.encode(value) for value in values]))
    writer.flush()
    writer.close()
    bus.close()
    settings = {"url": address.url, "org": address.org, "bucket": bucket, "token": address.token}
    sets = [word for name, value in settings.items() for word in ("--set", f"influxdb.{name}={value}")]
    run_market(url, folder / "recovery", 1, *sets, flows=["influxdb"])
    times = [parse_time(record["value"]["header"]["timestamp"]) for record in records if record["topic"] == "market.marks"]
    return min(times), max(times)
