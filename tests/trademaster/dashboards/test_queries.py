"""Every Flux query of every dashboard and of every alert answers rows, of a session's points in InfluxDB; and what it answers is so."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import pytest

from schemas.times import parse_time
from tests.servers.influxdb import InfluxAddress
from tests.trademaster.dashboards import session
from tests.trademaster.dashboards.grafana import flux, queries
from trademaster.dashboards.alerting import rules

CHOSEN = {"symbol": ".*", "account": ".*", "strategy": ".*", "interval": "4s"}
FLUX = dict(queries("influxdb"))


@dataclass(frozen=True, slots=True)
class Stored:
    """A bucket with the session, and what the flows said."""

    address: InfluxAddress
    bucket: str
    start_ns: int
    stop_ns: int
    events: list[dict[str, Any]]

    def rows(self, text: str, **chosen: str) -> list[dict[str, str]]:
        query = flux(text, {**CHOSEN, **chosen}, bucket=self.bucket, start_ns=self.start_ns, stop_ns=self.stop_ns)
        return self.address.rows(query)

    def payloads(self, topic: str) -> list[dict[str, Any]]:
        return [event["value"]["payload"] for event in self.events if event["topic"] == topic]


@pytest.fixture(scope="module")
def stored(influxdb: InfluxAddress, tmp_path_factory: pytest.TempPathFactory) -> Stored:
    bucket, events = influxdb.new_bucket(), session.events()
    first_ns, last_ns = session.deliver(influxdb, bucket, events, tmp_path_factory.mktemp("session"))
    return Stored(influxdb, bucket, first_ns, last_ns + 1, events)


@pytest.mark.parametrize("place", FLUX)
def test_every_query_answers_rows(stored: Stored, place: str) -> None:
    assert stored.rows(FLUX[place])


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule.uid)
def test_every_alert_has_something_to_judge(stored: Stored, rule: Any) -> None:
    values = [float(row["_value"]) for row in stored.rows(rule.flux)]
    assert values
    if rule.uid == "trademaster-breach":
        assert sum(values) == sum(alert["state"] == "breach" for alert in stored.payloads("risk.alerts") if "state" in alert)


def test_candles_are_the_bars(stored: Stored) -> None:
    columns = ("open", "high", "low", "close", "volume")
    shown = [
        (parse_time(row["_time"]), *(float(row[name]) for name in columns))
        for row in stored.rows(FLUX["Market: $symbol, bars of $interval A"])
    ]
    made = [
        (parse_time(bar["end"]), *(bar[name] for name in columns))
        for bar in stored.payloads("market.bars")
        if bar["interval"] == "4s" and stored.start_ns <= parse_time(bar["end"]) < stored.stop_ns
    ]
    assert shown == sorted(made)


def test_the_table_of_positions_is_what_was_said_last(stored: Stored) -> None:
    last = {(change["account"], change["symbol"]): change for change in stored.payloads("portfolio.pnl")}
    shown = {(row["account"], row["symbol"]): row for row in stored.rows(FLUX["Portfolio: Positions A"])}
    assert shown.keys() == last.keys()
    for key, row in shown.items():
        assert float(row["total_pnl"]) == pytest.approx(last[key]["totalPnl"])
        assert float(row["quantity"]) == last[key]["quantity"]


def test_columns_of_counts_add_up_to_all_events(stored: Stored) -> None:
    updates = stored.payloads("orders.updates")
    shown = stored.rows(FLUX["Orders and signals: Updates of orders by status A"])
    for status, rows in itertools.groupby(sorted(shown, key=lambda row: row["status"]), key=lambda row: row["status"]):
        assert sum(int(row["_value"]) for row in rows) == sum(update["status"] == status for update in updates)


def test_a_chosen_account_is_the_only_one_shown(stored: Stored) -> None:
    shown = {row["account"] for row in stored.rows(FLUX["Portfolio: Equity A"])}
    assert shown == {"A1", "A2"}
    assert {row["account"] for row in stored.rows(FLUX["Portfolio: Equity A"], account="A2")} == {"A2"}
