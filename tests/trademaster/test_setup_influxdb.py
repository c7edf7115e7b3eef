"""``trademaster setup influxdb`` against a real server: made once, mended later, clear when it cannot be done."""

from __future__ import annotations

import time
from typing import Any

import pytest

from schemas.errors import SettingsError, StoreError
from sinks.influx.points import measurement
from tests.engine.running import wait_until
from tests.servers.influxdb import InfluxAddress
from tests.sinks.stored_points import compact, event
from tests.sinks.test_influxdb_faults import opened, write
from trademaster.cli import execute
from trademaster.influxdb_settings import InfluxdbSettings
from trademaster.influxdb_setup import LAST_A_MINUTE, set_up
from trademaster.settings_sources import load_settings


def section(address: InfluxAddress, bucket: str, **values: Any) -> InfluxdbSettings:
    names = {"bucket": bucket, "history_bucket": f"{bucket}_history"}
    return InfluxdbSettings.model_validate({"url": address.url, "org": address.org, "token": address.token, **names, **values})


def kept_s(address: InfluxAddress, bucket: str) -> int:
    [found] = address.ask("GET", f"/api/v2/buckets?name={bucket}")["buckets"]
    return int(found["retentionRules"][0]["everySeconds"]) if found["retentionRules"] else 0


def test_it_makes_what_is_missing_once_and_mends_what_differs(influxdb: InfluxAddress) -> None:
    name = f"set-up-{time.time_ns()}"
    made = list(set_up(section(influxdb, name)))
    assert len(made) == 2 + len(LAST_A_MINUTE) + 1
    assert all(": made" in line for line in made)
    assert (kept_s(influxdb, name), kept_s(influxdb, f"{name}_history")) == (30 * 86_400, 0)
    assert all(": is there" in line for line in set_up(section(influxdb, name)))
    mended = list(set_up(section(influxdb, name, retention="7d", history_retention="365d")))
    assert [line for line in mended if "is there" not in line] == [
        f"bucket {name}: was there, now keeps points 7d",
        f"bucket {name}_history: was there, now keeps points 365d",
    ]
    assert (kept_s(influxdb, name), kept_s(influxdb, f"{name}_history")) == (7 * 86_400, 365 * 86_400)
    assert list(set_up(section(influxdb, name, retention="off", history_bucket=""))) == [
        f"bucket {name}: was there, now keeps points for ever"
    ]


def test_a_task_keeps_the_last_of_each_minute(influxdb: InfluxAddress) -> None:
    name = f"thinned-{time.time_ns()}"
    list(set_up(section(influxdb, name)))
    minute_ns = (time.time_ns() // (60 * 10**9) - 3) * 60 * 10**9
    store = opened(influxdb, name)
    payloads = [{"account": "A", "currency": "USD", "cash": str(second)} for second in range(60)]
    times = [minute_ns + second * 10**9 for second in range(60)]
    balances = [
        compact(event("portfolio.accounts", "BALANCE_UPDATE", f"b{at}", at, payload)) for at, payload in zip(times, payloads, strict=True)
    ]
    try:
        write(store, balances, "portfolio.accounts")
    finally:
        store.close()
    [task] = influxdb.ask("GET", f"/api/v2/tasks?name={name}_history%3A%20portfolio_accounts")["tasks"]
    influxdb.ask("POST", f"/api/v2/tasks/{task['id']}/runs", {})
    flux = f'from(bucket: "{name}_history") |> range(start: -1h) |> keep(columns: ["_time", "_value", "account", "_field"])'
    wait_until(lambda: influxdb.rows(flux), "the task ran", 30)
    [row] = influxdb.rows(flux)
    assert (row["_value"], row["account"], row["_field"]) == ("59", "A", "cash")


def test_what_is_kept_a_minute_is_a_measurement() -> None:
    topics = ("market.marks", "portfolio.pnl", "portfolio.accounts", "risk.exposure")
    assert {measurement(topic).name.decode() for topic in topics} == set(LAST_A_MINUTE)


@pytest.mark.parametrize(
    ("values", "says", "hint"),
    [
        ({"token": "wrong"}, "token, found that it is refused", "influxdb.token"),
        ({"token": ""}, "token, found that it is refused", "is empty"),
        ({"url": "http://127.0.0.1:1"}, "found none that answers", "influxdb.url"),
        ({"org": "nobody"}, "expected an organisation 'nobody', found trademaster", "influxdb.org"),
    ],
)
def test_errors_say_what_to_do(influxdb: InfluxAddress, values: dict[str, str], says: str, hint: str) -> None:
    with pytest.raises(StoreError, match=says) as caught:
        list(set_up(section(influxdb, "any", **values)))
    assert hint in caught.value.hint
    assert influxdb.token not in str(caught.value)


def test_the_command_prints_each(influxdb: InfluxAddress, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    bucket = influxdb.new_bucket()
    monkeypatch.setenv("TRADEMASTER_INFLUXDB__TOKEN", influxdb.token)
    sets = [word for value in (f"bucket={bucket}", "history_bucket=", f"org={influxdb.org}") for word in ("--set", f"influxdb.{value}")]
    assert execute(["setup", "influxdb", "--url", influxdb.url, *sets]) == 0
    assert capsys.readouterr().out == f"bucket {bucket}: was there, now keeps points 30d\n"
    assert execute(["settings", "show"]) == 0
    assert influxdb.token not in capsys.readouterr().out


def test_less_than_influxdb_keeps_is_refused_before_it_is_asked() -> None:
    with pytest.raises(SettingsError, match="at least 1h"):
        load_settings(environment={}, sets=["influxdb.retention=5m"])
