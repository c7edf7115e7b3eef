"""InfluxDB for tests: what was written outlives a kill, and each test has a bucket of its own."""

from __future__ import annotations

import urllib.request

import pytest

from tests.servers import influxdb
from tests.servers.influxdb import InfluxAddress, InfluxServer
from tests.servers.influxdb_1 import Influx1Server


def _write(address: InfluxAddress, bucket: str, lines: str) -> None:
    headers = {"Authorization": f"Token {address.token}"}
    url = f"{address.url}/api/v2/write?org={address.org}&bucket={bucket}&precision=ns"
    urllib.request.urlopen(urllib.request.Request(url, lines.encode(), headers, method="POST"), timeout=10).close()


def test_each_bucket_is_empty_and_flux_answers(influxdb: InfluxAddress) -> None:
    first, second = influxdb.new_bucket(), influxdb.new_bucket()
    _write(influxdb, first, "m,symbol=A x=1.5 1000\nm,symbol=A x=2.5 2000")
    flux = '|> range(start: 0) |> filter(fn: (r) => r.symbol == "A") |> sum() |> keep(columns: ["_value"])'
    assert influxdb.rows(f'from(bucket: "{first}") {flux}') == [{"_value": "4"}]
    assert influxdb.rows(f'from(bucket: "{second}") {flux}') == []


def test_what_was_written_outlives_a_kill_on_the_same_address(own_influxdb: InfluxServer) -> None:
    before = own_influxdb.address
    bucket = before.new_bucket()
    _write(before, bucket, "m x=1 1000")
    own_influxdb.restart(hard=True)
    assert own_influxdb.address == before
    assert len(before.rows(f'from(bucket: "{bucket}") |> range(start: 0)')) == 1


def test_a_stopped_server_refuses_and_a_frozen_one_does_not_answer(own_influxdb: InfluxServer) -> None:
    own_influxdb.pause()
    with pytest.raises(TimeoutError):
        urllib.request.urlopen(f"{own_influxdb.address.url}/health", timeout=0.5)
    own_influxdb.resume()
    own_influxdb.stop()
    with pytest.raises(OSError, match="refused"):
        own_influxdb.address.ask("GET", "/api/v2/buckets")


def test_an_address_in_the_environment_comes_first(own_influxdb: InfluxServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRADEMASTER_TEST_INFLUXDB", own_influxdb.address.url)
    monkeypatch.setenv("TRADEMASTER_TEST_INFLUXDB_TOKEN", own_influxdb.address.token)
    given = influxdb.given()
    assert given == own_influxdb.address
    assert given.new_bucket()


def test_influxdb_1_takes_writes_of_both_protocols(influxdb_1: Influx1Server) -> None:
    database = influxdb_1.new_database()
    for path, line in ((f"/api/v2/write?bucket={database}&precision=ns", b"m x=1.5 1000"), (f"/write?db={database}", b"m x=2 2000")):
        urllib.request.urlopen(influxdb_1.url + path, line, timeout=10).close()
    assert influxdb_1.series(database, "SELECT x FROM m") == [{"name": "m", "columns": ["time", "x"], "values": [[1000, 1.5], [2000, 2]]}]
