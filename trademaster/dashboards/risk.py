"""Risk: how near accounts are to what they may not do."""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import Dashboard

from trademaster.dashboards.board import board, chosen
from trademaster.dashboards.flux import latest, lines, rows, totals
from trademaster.dashboards.panels import bars, graph, listing, number
from trademaster.dashboards.portfolio import ACCOUNT, ACCOUNT_AND_FIELD, MONEY

SHARE = "percentunit"
_EXPOSURE = 'r.type == "EXPOSURE_UPDATE"'


def risk() -> Dashboard:
    """The dashboard over ``risk.exposure`` and ``risk.alerts``."""

    def exposure(*fields: str) -> str:
        return lines("risk_exposure", fields, by=["account"], where=["account"], keep=_EXPOSURE)

    losses = ("var_historical", "var_parametric", "var_ewma", "expected_shortfall")
    table = ["equity", "gross_exposure", "net_exposure", "leverage", "margin_cushion", "drawdown", "hhi", "var_historical"]
    panels = [
        number("Leverage", exposure("leverage"), name=ACCOUNT, unit="none", red_above=4),
        number("Drawdown", exposure("drawdown"), name=ACCOUNT, unit=SHARE, red_above=0.1),
        number(
            "Margin cushion", exposure("margin_cushion"), name=ACCOUNT, unit=SHARE, says="Equity above the maintenance margin, of equity."
        ),
        number("Value at risk", exposure("var_historical"), name=ACCOUNT, unit=SHARE, says="Historical, of equity."),
        graph("Gross and net exposure", exposure("gross_exposure", "net_exposure"), name=ACCOUNT_AND_FIELD, unit=MONEY),
        graph("Equity and margins", exposure("equity", "margin_used", "maintenance_margin"), name=ACCOUNT_AND_FIELD, unit=MONEY),
        graph("Leverage", exposure("leverage"), name=ACCOUNT, unit="none"),
        graph("Drawdown", exposure("drawdown"), name=ACCOUNT, unit=SHARE),
        graph("Value at risk and expected shortfall", exposure(*losses), name=ACCOUNT_AND_FIELD, unit=SHARE),
        graph("Concentration", exposure("hhi", "largest_weight"), name=ACCOUNT_AND_FIELD, unit=SHARE),
        bars(
            "Breaches by rule",
            totals("risk_alerts", "value", by=["rule"], fn="count", keep='r.state == "breach"'),
            name="${__field.labels.rule}",
            says="Of all accounts, and of symbols.",
        ),
        graph(
            "The firm",
            lines("risk_exposure", ["equity", "gross_exposure", "net_exposure"], by=[], keep=f"{_EXPOSURE} and not exists r.account"),
            name="${__field.labels._field}",
            unit=MONEY,
            says="Sums of all accounts, in the pivot currency.",
        ),
        listing(
            "Accounts",
            latest("risk_exposure", table, by=["account"], where=["account"], keep=_EXPOSURE),
            units={"drawdown": SHARE, "var_historical": SHARE},
        ),
        listing("Alerts", rows("risk_alerts", ["value", "threshold", "limit_id", "key"], tags=["rule", "state"], keep="exists r.rule")),
    ]
    variables = [chosen("account", "risk_exposure", label="Account")]
    return board("Risk", panels, variables=variables, says="How near accounts are to what they may not do.", alerts_of="account")
