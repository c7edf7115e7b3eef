"""Prometheus and VictoriaMetrics for tests answer what was written to them."""

from __future__ import annotations

import urllib.request

from tests.conftest import StartServer
from tests.servers.prometheus import PrometheusServer, PromqlAddress
from tests.servers.server import wait_until


def test_prometheus_scrapes_what_it_was_told_to(start_server: StartServer, victoriametrics: PromqlAddress) -> None:
    target = victoriametrics.url.removeprefix("http://")
    scrape = "scrape_interval: 200ms, scrape_timeout: 200ms"
    jobs = f"scrape_configs: [{{job_name: victoria, {scrape}, static_configs: [{{targets: ['{target}']}}]}}]"
    address = start_server(lambda: PrometheusServer(jobs)).address
    wait_until(lambda: bool(address.rows('up{job="victoria"} == 1')), what="the first scrape")


def test_victoriametrics_takes_lines_of_influxdb(victoriametrics: PromqlAddress) -> None:
    lines = b"taken,symbol=A x=1.5 1700000000000000000"
    urllib.request.urlopen(f"{victoriametrics.url}/api/v2/write?precision=ns", lines, timeout=10).close()
    wait_until(lambda: _values(victoriametrics) == ["1.5"], what="the point")


def _values(address: PromqlAddress) -> list[str]:
    return [row["value"][1] for row in address.rows('taken_x{symbol="A"}', at_s=1_700_000_000)]
