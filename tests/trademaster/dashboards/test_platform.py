"""Every PromQL query of the dashboards answers numbers, of a Prometheus that watches a run."""

from __future__ import annotations

import math
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

import trademaster.data
from tests.conftest import StartServer
from tests.engine.running import command, create_topics, live_market, write_control
from tests.servers.prometheus import PrometheusServer, PromqlAddress
from tests.servers.server import free_ports, wait_until
from tests.trademaster.dashboards.grafana import promql, queries

PROMQL = {place: text for place, text in queries("prometheus") if "$job" not in place and "$topic" not in place}
RATE_INTERVAL = "15s"


@pytest.fixture
def busy_run(tmp_path: Path) -> Iterator[int]:
    """A run that reads ticks all the time, some of them broken; the port of its page."""
    (port,) = free_ports(1)
    url = f"embedded:{tmp_path / 'bus'}"
    create_topics(url)
    _write_broken_ticks(url)
    session = str(Path(trademaster.data.__file__).with_name("amzn-trades-2012-06-21.csv.gz"))
    what = ("--symbol", "AMZN", "--columns", "timestamp=Time,price=Price,size=Volume", "--price-scale", "0.0001")
    feed = command("ingest", "csv", session, "--bus", url, *what, "--speed", "60")
    extra = ("--metrics-port", str(port), "--set", "engine.epoch_interval=300ms")
    with live_market(url, tmp_path / "recovery", 1, *extra), subprocess.Popen([*feed, "--quiet"], stderr=subprocess.DEVNULL) as feeding:
        yield port
        feeding.kill()


def _write_broken_ticks(url: str) -> None:
    """One that is no JSON, and one whose window closed an hour before."""
    for value in (b"{", b'{"type":"trade","symbol":"B","timestamp":7200000000000,"price":1,"size":1}'):
        write_control(url, "market.ticks", b"B", value)
    write_control(url, "market.ticks", b"B", b'{"type":"trade","symbol":"B","timestamp":3600000000000,"price":1,"size":1}')


def test_every_query_answers_numbers(busy_run: int, start_server: StartServer) -> None:
    scrape = "scrape_interval: 500ms, scrape_timeout: 500ms"
    jobs = f"scrape_configs: [{{job_name: flows, {scrape}, static_configs: [{{targets: ['127.0.0.1:{busy_run}']}}]}}]"
    address = start_server(lambda: PrometheusServer(jobs)).address
    empty: list[str] = []

    def all_answer() -> bool:
        empty[:] = [place for place, text in PROMQL.items() if not _numbers(address, text)]
        return not empty

    try:
        wait_until(all_answer, seconds=150, what="all panels")
    except TimeoutError:
        pytest.fail(f"these show nothing: {empty}")
    offered = [row["metric"] for row in address.rows("trademaster_events_in_total")]
    assert {(labels["job"], labels["topic"]) for labels in offered} >= {("flows", "market.ticks")}


def _numbers(address: PromqlAddress, text: str) -> list[float]:
    rows = address.rows(promql(text, rate_interval=RATE_INTERVAL))
    return [value for row in rows if not math.isnan(value := float(row["value"][1]))]
