"""Orders and signals: what was wanted, what was filled, what was refused."""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import Dashboard

from trademaster.dashboards.board import board, chosen
from trademaster.dashboards.flux import each, rows, totals
from trademaster.dashboards.panels import HALF, bars, dots, graph, listing

STATUS = "${__field.labels.status}"
SYMBOL_AND_SIDE = "${__field.labels.symbol} ${__field.labels.side}"
STRATEGY = "${__field.labels.strategy}"


def orders() -> Dashboard:
    """The dashboard over ``orders.updates`` and ``signals``."""
    ours = ["account", "symbol"]
    fields = ["quantity", "filled_quantity", "leaves_quantity", "price", "average_price", "last_quantity", "last_price", "reason"]
    panels = [
        bars("Updates of orders by status", totals("orders_updates", "quantity", by=["status"], fn="count", where=ours), name=STATUS),
        bars(
            "Fills by side", totals("orders_updates", "last_quantity", by=["side"], fn="count", where=ours), name="${__field.labels.side}"
        ),
        dots("Prices of fills", each("orders_updates", "last_price", by=["symbol", "side"], where=ours), name=SYMBOL_AND_SIDE),
        graph(
            "Quantity filled", totals("orders_updates", "last_quantity", by=["symbol", "side"], fn="sum", where=ours), name=SYMBOL_AND_SIDE
        ),
        listing("Orders", rows("orders_updates", fields, tags=["account", "symbol", "side", "status"], where=ours)),
        bars("Signals by strategy", totals("signals", "price", by=["strategy"], fn="count", where=["symbol", "strategy"]), name=STRATEGY),
        dots(
            "Strength of signals",
            each("signals", "strength", by=["symbol", "strategy"], where=["symbol", "strategy"]),
            name="${__field.labels.strategy} ${__field.labels.symbol}",
            unit="percentunit",
            span=HALF,
        ),
        listing("Signals", rows("signals", ["price", "strength"], tags=["symbol", "strategy", "action"], where=["symbol", "strategy"])),
    ]
    variables = [
        chosen("account", "orders_updates", label="Account"),
        chosen("symbol", "orders_updates", label="Symbol"),
        chosen("strategy", "signals", label="Strategy"),
    ]
    says = "What was wanted, what was filled, what was refused."
    return board("Orders and signals", panels, variables=variables, says=says, alerts_of="account")
