"""An hour of the session that ships, traded on paper with limits and strategies, as points in InfluxDB."""

from __future__ import annotations

import csv
import gzip
import io
import urllib.request
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

import trademaster.data
from schemas.times import parse_time
from sinks.influxdb_points import DEFAULT_TOPICS, read_point
from tests.servers.influxdb import InfluxAddress
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
    source = io.BytesIO(b"".join(msgspec.json.encode({"topic": topic, "value": value}) + b"\n" for topic, value in _lines()))
    run_pipe_over(Settings(**SETTINGS), FLOWS, source, out)  # type: ignore[arg-type]
    return [msgspec.json.decode(line) for line in out.getvalue().splitlines()]


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


def write(address: InfluxAddress, bucket: str, records: list[dict[str, Any]]) -> tuple[int, int]:
    """Write the events as points; the first and the last time of marks in ns: accounts are opened in 1970."""
    times: list[int] = []
    lines: list[bytes] = []
    before: Counter[tuple[bytes, int]] = Counter()
    for record in records:
        if record["topic"] in DEFAULT_TOPICS:
            point = read_point(record["topic"], msgspec.json.encode(record["value"]))
            lines.append(point.line(before[point.series, point.time_ns]))
            before[point.series, point.time_ns] += 1
            if record["topic"] == "market.marks":
                times.append(point.time_ns)
    url = f"{address.url}/api/v2/write?org={address.org}&bucket={bucket}&precision=ns"
    headers = {"Authorization": f"Token {address.token}"}
    for start in range(0, len(lines), 5000):
        body = b"\n".join(lines[start : start + 5000])
        urllib.request.urlopen(urllib.request.Request(url, body, headers, method="POST"), timeout=30).close()
    return min(times), max(times)
