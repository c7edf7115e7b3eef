"""What the market flow writes is what the exported schemas say, each event in the envelope."""

from __future__ import annotations

import io
import json
from collections import Counter
from typing import Any

import jsonschema
import pytest

from schemas.catalog import EVENTS
from schemas.topics import TOPICS
from trademaster.contract.files import texts
from trademaster.pipe_input import run_pipe_over
from trademaster.settings import Settings

BASE_NS = 1340285400 * 10**9
LIMIT = {"limitId": "a", "rule": "price_band", "scope": "firm", "threshold": "0.1"}


def lines() -> list[bytes]:
    def tick(second: int, **fields: Any) -> bytes:
        tick = {"type": "trade", "symbol": "A", "timestamp": BASE_NS + second * 10**9, **fields}
        return json.dumps({"topic": "market.ticks", "value": tick}).encode()

    return [
        json.dumps({"topic": "control.limits", "value": LIMIT}).encode(),
        tick(0, price=223.95, size=1),
        tick(1, price=300, sequence=7),
        tick(2, type="quote", bid=1, ask=2.5),
        tick(3, type="quote", symbol="Q", bid=1),
        tick(4, type="quote", symbol="Q", ask=2),
        tick(5, price=250, size=0.1),
        tick(6, price=-1),
        tick(0, price=1),
        tick(6, price=251.1, size=3),
        b"{bad",
        json.dumps({"topic": "control.limits", "value": {**LIMIT, "threshold": -1}}).encode(),
    ]


@pytest.fixture(scope="module")
def events() -> list[dict[str, Any]]:
    out = io.BytesIO()
    run_pipe_over(Settings(), ["market"], io.BytesIO(b"\n".join(lines())), out)
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_each_event_is_valid_by_the_exported_schemas(events: list[dict[str, Any]]) -> None:
    schemas = {name: jsonschema.Draft202012Validator(json.loads(text)) for name, text in texts().items() if name != "asyncapi.json"}
    rows = {row.name: row for row in EVENTS}
    for event in events:
        assert event.keys() == {"topic", "value"}
        value = event["value"]
        schemas["Envelope.schema.json"].validate(value)
        row = rows[value["header"]["eventType"]]
        assert row.payload is not None
        schemas[f"{row.payload.__name__}.schema.json"].validate(value["payload"])
        assert event["topic"] in TOPICS
        assert value["header"]["priority"] == int(row.priority)
        assert value["header"]["source"] in ("market", "ingest")
    made = Counter(event["value"]["header"]["eventType"] for event in events)
    assert made.keys() == {"BAR_CLOSED", "PRICE_UPDATE", "RISK_LIMIT_BREACH", "RISK_LIMIT_CLEARED", "DEAD_LETTER"}


def test_the_schemas_refuse_what_is_none(events: list[dict[str, Any]]) -> None:
    bar = next(event["value"]["payload"] for event in events if event["topic"] == "market.bars")
    schema = jsonschema.Draft202012Validator(json.loads(texts()["Bar.schema.json"]))
    assert schema.is_valid(bar)
    for broken in ({**bar, "open": "1"}, {**bar, "symbol": ""}, {name: bar[name] for name in bar if name != "close"}):
        assert not schema.is_valid(broken)


def test_payloads_have_the_fields_that_were_promised(events: list[dict[str, Any]]) -> None:
    promised = {
        "BAR_CLOSED": "symbol interval start end open high low close volume vwap tradeCount",
        "PRICE_UPDATE": "symbol price bid ask mid size dayVolume ewmaVolatility realizedVolatility sequence",
        "RISK_LIMIT_BREACH": "alertId limitId rule key symbol account state value threshold episode",
        "RISK_LIMIT_CLEARED": "alertId limitId rule key symbol account state value threshold episode",
        "DEAD_LETTER": "topic partition offset reason detail payload firstSeen",
    }
    for event in events:
        assert list(event["value"]["payload"]) == promised[event["value"]["header"]["eventType"]].split()
