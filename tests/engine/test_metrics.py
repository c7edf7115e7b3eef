"""The page of metrics of a run: every metric is there, and what it counts is what the topics hold."""

from __future__ import annotations

import socket
import urllib.request
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from schemas.bus import Records
from schemas.ticks import TRADE
from schemas.times import SECOND_NS
from sources.simulator import Simulator
from tests.engine.running import create_topics, events, finished, live_market, wait_until, write_heartbeats, write_ticks
from trademaster.bus import open_bus

TICKS = 5_000
BAD = [b"{", b'{"type":"trade","symbol":"A","timestamp":1340285400000000000}', b'{"type":"trade"', b"[1]"]
LATE = b'{"type":"trade","symbol":"%s","timestamp":%d,"price":1.0}'

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def scrape(port: int) -> Samples:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as page:
            text = page.read().decode()
    except OSError:
        return {}
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def total(page: Samples, name: str, **labels: str) -> float:
    return sum(value for (sample, found), value in page.items() if sample == f"trademaster_{name}" and found >= set(labels.items()))


def write_raw(bus: str, values: list[bytes]) -> None:
    opened = open_bus(bus)
    writer = opened.writer()
    writer.write(Records("market.ticks", [0] * len(values), [b""] * len(values), values))
    writer.flush()
    writer.close()
    opened.close()


def test_the_page_agrees_with_the_topics(tmp_path: Path) -> None:
    bus = f"embedded:{tmp_path / 'bus'}"
    create_topics(bus)
    blocks = list(Simulator(40, rate=2_000, seed=3).blocks(TICKS, 1_000))
    trades = sum(int((rows["kind"] == TRADE).sum()) for rows in blocks)
    newest = write_ticks(bus, blocks)
    write_heartbeats(bus, newest + 120 * SECOND_NS)
    late = [LATE % (b"LATE", newest + 60 * SECOND_NS), LATE % (b"LATE", newest + 200 * SECOND_NS), LATE % (b"LATE", newest)]
    write_raw(bus, BAD + late)
    write_heartbeats(bus, newest + 400 * SECOND_NS)
    port = free_port()
    with live_market(bus, tmp_path / "recovery", 2, "--metrics-port", str(port), "--set", "engine.epoch_interval=200ms") as process:
        wait_until(lambda: total(scrape(port), "events_in_total") >= TICKS + len(BAD) + len(late), "all is read")
        wait_until(lambda: total(scrape(port), "consumer_lag", topic="market.ticks") == 0, "the lag is measured again")
        wait_until(lambda: total(scrape(port), "snapshot_bytes") > 0, "an epoch closed")
        page = scrape(port)
        process.terminate()
        finished(process)
    assert total(page, "events_in_total", topic="market.ticks") == TICKS + len(BAD) + len(late)
    said = {topic: events(bus, topic) for topic in ("market.bars", "market.marks", "risk.alerts", "dead.letters")}
    for topic, found in said.items():
        assert total(page, "events_out_total", topic=topic) == len(found), topic
    reasons = [event["payload"]["reason"] for event in said["dead.letters"]]
    assert total(page, "late_total") == reasons.count("late") > 0
    assert total(page, "dead_letters_total") == len(reasons) - reasons.count("late") == len(BAD)
    assert applied(said["market.bars"]) == trades + len(late) - reasons.count("late"), "in = out + late + dead"
    _assert_plausible(page)


def applied(bars: list[dict]) -> int:  # type: ignore[type-arg]
    """Ticks that went into bars of a second: trades are counted there; the simulator's quotes are not."""
    return sum(event["payload"]["tradeCount"] for event in bars if event["payload"]["interval"] == "1s")


def _assert_plausible(page: Samples) -> None:
    for name in ("batch_records", "processing_seconds", "snapshot_seconds", "epoch_stall_seconds"):
        assert total(page, f"{name}_count") > 0, name
        assert 0 < total(page, f"{name}_sum") < 1e6, name
    assert total(page, "processing_seconds_sum") < 60
    assert total(page, "watermark_seconds", topic="market.ticks") > 1e9
    assert total(page, "watermark_delay_seconds", topic="market.ticks") != 0
    assert 100 < total(page, "snapshot_bytes", step="market") < 1e8
