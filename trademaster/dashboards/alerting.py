"""Rules by which Grafana itself warns, from what InfluxDB has. What Prometheus knows is in ``docker/prometheus/rules.yml``."""

from __future__ import annotations

from dataclasses import dataclass

import yaml

from trademaster.dashboards.flux import INFLUXDB, points, totals

FOLDER = "TradeMaster"
_EVERY_S = 30
_LOOK_BACK_S = 600


@dataclass(frozen=True, slots=True)
class Rule:
    """One alert: a query, and the threshold that its number passes."""

    uid: str
    title: str
    flux: str
    """A series over time for each that is judged."""
    reducer: str
    """What makes one number of a series: ``last`` or ``sum``."""
    kind: str
    """``gt`` or ``lt``."""
    threshold: float
    for_: str
    summary: str


def rules() -> list[Rule]:
    """All rules over InfluxDB."""
    breaches = totals("risk_alerts", "value", by=["rule", "account", "symbol"], fn="count", keep='r.state == "breach"')
    return [
        Rule(
            "trademaster-breach",
            "A risk limit was breached",
            breaches,
            "sum",
            "gt",
            0,
            "0s",
            "Rule {{ $labels.rule }} was breached by account {{ $labels.account }} {{ $labels.symbol }}.",
        ),
        Rule(
            "trademaster-margin",
            "Little margin is left",
            _last("margin_cushion"),
            "last",
            "lt",
            0.1,
            "1m",
            "Account {{ $labels.account }} has {{ $values.B }} of its equity above the maintenance margin.",
        ),
        Rule(
            "trademaster-drawdown",
            "A deep drawdown",
            _last("drawdown"),
            "last",
            "gt",
            0.2,
            "1m",
            "Account {{ $labels.account }} stands {{ $values.B }} below its high-water mark.",
        ),
    ]


def alerting() -> str:
    """The file of rules, as Grafana provisions it."""
    group = {
        "orgId": 1,
        "name": "trademaster",
        "folder": FOLDER,
        "interval": f"{_EVERY_S}s",
        "rules": [_provisioned(rule) for rule in rules()],
    }
    text: str = yaml.dump({"apiVersion": 1, "groups": [group]}, Dumper=_Readable, sort_keys=False, width=140)
    return f"# Made by `python -m trademaster.dashboards`.\n{text}"


class _Readable(yaml.SafeDumper):
    """A query stands in its lines, and what occurs twice is written twice."""

    def ignore_aliases(self, data: object) -> bool:
        return True


def _written(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Readable.add_representer(str, _written)


def _last(field: str) -> str:
    account = points("risk_exposure", [field], keep='r.type == "EXPOSURE_UPDATE" and exists r.account')
    return f'{account}\n  |> last()\n  |> group(columns: ["account"])\n  |> last()'


def _provisioned(rule: Rule) -> dict[str, object]:
    expression = {"type": "__expr__", "uid": "__expr__"}
    query = {"refId": "A", "datasource": INFLUXDB.to_json(), "query": rule.flux, "intervalMs": 1000, "maxDataPoints": 1000}
    reduce = {"refId": "B", "datasource": expression, "type": "reduce", "expression": "A", "reducer": rule.reducer}
    condition = {"evaluator": {"type": rule.kind, "params": [rule.threshold]}}
    passed = {"refId": "C", "datasource": expression, "type": "threshold", "expression": "B", "conditions": [condition]}
    span = {"from": _LOOK_BACK_S, "to": 0}
    return {
        "uid": rule.uid,
        "title": rule.title,
        "condition": "C",
        "for": rule.for_,
        "noDataState": "OK",
        "execErrState": "Error",
        "annotations": {"summary": rule.summary},
        "labels": {"source": "trademaster"},
        "data": [
            {"refId": "A", "relativeTimeRange": span, "datasourceUid": INFLUXDB.uid, "model": query},
            {"refId": "B", "relativeTimeRange": span, "datasourceUid": "__expr__", "model": reduce},
            {"refId": "C", "relativeTimeRange": span, "datasourceUid": "__expr__", "model": passed},
        ],
    }
