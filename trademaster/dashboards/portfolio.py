"""Portfolio: what accounts have, and what they made of it."""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import Dashboard

from trademaster.dashboards.board import board, chosen
from trademaster.dashboards.flux import latest, lines
from trademaster.dashboards.panels import graph, listing, number

ACCOUNT = "${__field.labels.account}"
ACCOUNT_AND_FIELD = "${__field.labels.account} ${__field.labels._field}"
ACCOUNT_AND_SYMBOL = "${__field.labels.account} ${__field.labels.symbol}"
MONEY = "currencyUSD"


def portfolio() -> Dashboard:
    """The dashboard over ``portfolio.accounts`` and ``portfolio.pnl``."""

    def accounts(*fields: str) -> str:
        return lines("portfolio_accounts", fields, by=["account"], where=["account"])

    def positions(*fields: str) -> str:
        return lines("portfolio_pnl", fields, by=["account", "symbol"], where=["account", "symbol"])

    columns = ["quantity", "average_price", "mark", "unrealized_pnl", "realized_pnl", "total_pnl"]
    panels = [
        number("Equity", accounts("equity"), name=ACCOUNT, unit=MONEY),
        number("P&L of the day", accounts("day_pnl"), name=ACCOUNT, unit=MONEY),
        number("Cash", accounts("cash"), name=ACCOUNT, unit=MONEY),
        number("Gross exposure", accounts("gross_exposure"), name=ACCOUNT, unit=MONEY),
        graph("Equity and its high-water mark", accounts("equity", "high_water_mark"), name=ACCOUNT_AND_FIELD, unit=MONEY),
        graph("P&L of the day", accounts("day_pnl"), name=ACCOUNT, unit=MONEY),
        graph("Realised and unrealised P&L", accounts("realized_pnl", "unrealized_pnl"), name=ACCOUNT_AND_FIELD, unit=MONEY),
        graph("Gross and net exposure", accounts("gross_exposure", "net_exposure"), name=ACCOUNT_AND_FIELD, unit=MONEY),
        graph("P&L of positions", positions("total_pnl"), name=ACCOUNT_AND_SYMBOL, unit=MONEY),
        graph("Quantity of positions", positions("quantity"), name=ACCOUNT_AND_SYMBOL),
        listing(
            "Positions",
            latest("portfolio_pnl", columns, by=["account", "symbol"], where=["account", "symbol"]),
            units=dict.fromkeys(["unrealized_pnl", "realized_pnl", "total_pnl"], MONEY),
        ),
    ]
    variables = [chosen("account", "portfolio_accounts", label="Account"), chosen("symbol", "portfolio_pnl", label="Symbol")]
    return board("Portfolio", panels, variables=variables, says="What accounts have, and what they made of it.", alerts_of="account")
