"""``docs/consumers.md``: its programs, run beside the flows against a real broker, print what was published, each event once."""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import time
import uuid
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from schemas.events import Place
from schemas.kept_records import KeptRecord
from schemas.times import parse_time
from schemas.topics import TOPICS
from tests.conftest import _started
from tests.consumers.programs import PAGE, PROGRAMS, blocks
from tests.engine.running import command, run_market
from tests.servers import ServerMissing, must_not_skip
from tests.servers.kafka import STEADY_SESSION_MS, own_server
from trademaster.bus import open_bus
from trademaster.bus.reading import read_to_end
from trademaster.bus.records import append
from trademaster.contract.files import texts
from trademaster.settings import Settings
from trademaster.topic_settings import topic_settings

READ = ("portfolio.pnl", "risk.alerts")
WAIT_S = 120.0

CONTROL = """
{"topic":"control.accounts","value":{"account":"A","cash":"100000"}}
{"topic":"control.accounts","value":{"account":"\u00c4","cash":"1000"}}
{"topic":"control.limits","value":{"limitId":"most","rule":"position","scope":"account","account":"A","threshold":"2000"}}
{"topic":"control.limits","value":{"limitId":"dd","rule":"drawdown","scope":"account","account":"A","threshold":"0.10","onBreach":"halt"}}
{"topic":"control.limits","value":{"limitId":"gross","rule":"gross_exposure","scope":"firm","threshold":"90000"}}
"""
FILLS = """
{"topic":"orders.events","value":{"execType":"fill","account":"A","symbol":"X","executionId":"1","side":"buy","quantity":"1000","price":"100"}}
{"topic":"orders.events","value":{"execType":"fill","account":"A","symbol":"Y","executionId":"2","side":"sell","quantity":"0.1","price":"7"}}
{"topic":"orders.events","value":{"execType":"fill","account":"\u00c4","symbol":"X","executionId":"3","side":"buy","quantity":"1","price":"100"}}
{"topic":"orders.commands","value":{"command":"place","account":"A","orderId":"9","symbol":"X","side":"buy","quantity":"5000.10","orderType":"market"}}
"""
PRICES = [("X", 90.0), ("Y", 7.5), ("X", 89.99), ("X", 89.990001), ("X", 91.01), ("Y", 1e-7)]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A broker of this file, after the flows have read a day and what any consumer must bear was added."""
    with _started(lambda: own_server(session_ms=STEADY_SESSION_MS)) as server:
        url = f"kafka://{server.bootstrap}"
        bus = open_bus(url)
        bus.create(topic_settings(Settings()))
        recovery = tmp_path_factory.mktemp("flows") / "recovery"
        ticks = [tick(at, *price) for at, price in enumerate(PRICES)]
        # One after another: what is in force first, then what is held, then what it is worth.
        for lines in (CONTROL, FILLS, "\n".join(ticks[:3]), "\n".join(ticks[3:])):
            subprocess.run(command("ingest", "jsonl", "-", "--quiet", "--bus", url), input=lines.encode(), check=True, timeout=60)
            run_market(url, recovery, 1, flows=("orders", "portfolio", "risk"))
        add_what_must_be_borne(url)
        bus.close()
        yield url


def tick(at: int, symbol: str, price: float) -> str:
    value = {"type": "trade", "symbol": symbol, "timestamp": 1_767_625_200_123_456_789 + at, "price": price}
    return json.dumps({"topic": "market.ticks", "value": value})


def add_what_must_be_borne(url: str) -> None:
    """A repeated event, a tombstone, fields and a type of tomorrow."""
    bus = open_bus(url)
    for topic in READ:
        first = next(read_to_end(bus, topic, with_keys=True))
        assert first.keys is not None
        place, key, value = Place(topic, int(first.partition[0]), -1), first.keys[0], first.value(0)
        future = json.loads(value)
        future["header"] |= {"eventId": f"new fields|{topic}", "eventType": "NOT_KNOWN_YET", "fieldOfTomorrow": {"a": 1}}
        future["payload"]["fieldOfTomorrow"] = [1]
        added = [KeptRecord(place, key, value), KeptRecord(place, key, json.dumps(future).encode())]
        added += [KeptRecord(place, key, None)] if TOPICS[topic].compacted else []
        append(bus, added)
    bus.close()


def add_last_events(url: str, run: str) -> int:
    """In each partition one that names the run, so that it is known when a program has read all; how many."""
    bus = open_bus(url)
    places = [Place(topic, partition, -1) for topic in READ for partition in bus.partitions(topic)]
    header = {"correlationId": "c", "eventType": "LAST", "priority": 3, "timestamp": "2026-01-05T15:00:00.000000001Z", "version": "1"}
    events = [{"header": {**header, "eventId": f"{run}|{at}"}, "payload": {"totalPnl": None}} for at in range(len(places))]
    append(bus, [KeptRecord(place, b"last", json.dumps(event).encode()) for place, event in zip(places, events, strict=True)])
    bus.close()
    return len(places)


def published(url: str) -> dict[tuple[str, int], list[dict[str, Any]]]:
    """What a consumer should say, by topic and partition, in order."""
    bus, said, seen = open_bus(url), defaultdict(list), set()
    for topic in READ:
        for batch in read_to_end(bus, topic, with_keys=True):
            for partition, key, value in zip(batch.partition.tolist(), batch.keys or [], batch.values(), strict=True):
                line: dict[str, Any] = {"topic": topic, "key": (key or b"").decode()}
                if value:
                    event = json.loads(value)
                    header, payload = event["header"], event["payload"]
                    if header["eventId"] in seen:
                        continue
                    seen.add(header["eventId"])
                    line |= {"event": header["eventId"], "type": header["eventType"], "priority": header["priority"]}
                    line["time"] = str(parse_time(header["timestamp"]))
                    names = {"total": "totalPnl"} if topic == "portfolio.pnl" else {"alert": "alertId", "quantity": "quantity"}
                    line |= {name: payload.get(field) for name, field in names.items()}
                said[topic, partition].append(line)
    bus.close()
    return dict(said)


def lines_of(program: list[str], url: str, group: str) -> list[dict[str, Any]]:
    """What a program of a group prints until it has read all that is there, and is ended by SIGTERM."""
    run = f"last {uuid.uuid4().hex}"
    last = add_last_events(url, run)
    environment = {**os.environ, "KAFKA": url.removeprefix("kafka://"), "GROUP": group}
    process = subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment)
    assert process.stdout is not None
    text, deadline = b"", time.monotonic() + WAIT_S
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while text.count(run.encode()) < last and time.monotonic() < deadline:
            chunk = os.read(process.stdout.fileno(), 65536) if selector.select(1.0) else b""
            text += chunk
            if not chunk and process.poll() is not None:
                break
    process.send_signal(signal.SIGTERM)
    try:
        rest, errors = process.communicate(timeout=30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise
    text += rest
    assert text.count(run.encode()) == last, f"{text[-500:]!r}\n{errors.decode(errors='replace')[-3000:]}"
    assert process.returncode in (0, 143), errors.decode(errors="replace")[-3000:]  # Java ends as the signal says
    return [json.loads(line) for line in text.splitlines()]


def spelled(line: dict[str, Any]) -> str:
    """A line in one spelling: languages differ in how they write a whole number that is a float; a text stays a text."""
    return json.dumps({name: float(value) if isinstance(value, int) else value for name, value in line.items()}, sort_keys=True)


@pytest.mark.kafka
@pytest.mark.timeout(900)  # the first time of a machine: what a language needs is downloaded and built
@pytest.mark.parametrize("language", PROGRAMS)
def test_each_program_prints_what_was_published(language: str, url: str, tmp_path: Path) -> None:
    try:
        program = PROGRAMS[language](tmp_path)
    except ServerMissing as error:
        if must_not_skip():
            pytest.fail(f"CI must not leave tests out. {error}")
        pytest.skip(str(error))
    group = f"test-{uuid.uuid4().hex}"
    said = lines_of(program, url, group)
    expected = published(url)
    for topic in READ:
        wanted = [line for (name, _), lines in expected.items() if name == topic for line in lines]
        assert sorted(map(spelled, (line for line in said if line["topic"] == topic))) == sorted(map(spelled, wanted))
    place = {line["event"]: at for at, line in enumerate(said) if "event" in line}
    for lines in expected.values():
        order = [place[line["event"]] for line in lines if "event" in line]
        assert order == sorted(order), "within a partition order holds"
    again = {line.get("event") for line in lines_of(program, url, group)}
    assert not again & set(place), "what was printed is committed when a program is ended"


@pytest.mark.kafka
def test_what_was_published_has_what_the_page_speaks_of(url: str) -> None:
    lines = [line for each in published(url).values() for line in each]
    types = {line.get("type") for line in lines}
    assert {"PNL_CHANGE", "RISK_LIMIT_BREACH", "RISK_LIMIT_CLEARED", "TRADING_HALTED", "ORDER_REJECTED_CRITICAL", None} <= types
    assert {line["quantity"] for line in lines if line.get("type") == "ORDER_REJECTED_CRITICAL"} == {"5000.10"}
    assert any(line.get("total") is None for line in lines if line.get("type") == "PNL_CHANGE")
    assert "\u00c4|X" in {line["key"] for line in lines}
    assert any(int(line.get("time", 0)) % 1000 for line in lines), "nanoseconds"


def test_the_page_has_a_program_in_each_language_and_names_every_compacted_topic() -> None:
    assert set(PROGRAMS) <= set(blocks())
    page = PAGE.read_text(encoding="utf-8")
    said = page.split("**Topics that keep")[1].split("\n\n")[0]
    told = {name for name in TOPICS if f"`{name}`" in said or f"`{name.partition('.')[0]}.*`" in said}
    assert told == {name for name, row in TOPICS.items() if row.compacted}


def test_the_page_leads_to_a_document_of_all_topics() -> None:
    assert "`trademaster schemas export" in PAGE.read_text(encoding="utf-8")
    assert set(json.loads(texts()["asyncapi.json"])["channels"]) == set(TOPICS)
