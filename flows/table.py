"""The flows by name: what is known of each without loading its code, which takes a second."""

from __future__ import annotations

from dataclasses import dataclass

from schemas.topics import TOPICS


@dataclass(frozen=True, slots=True)
class FlowRow:
    """What a flow reads and writes. Its code is ``FLOW`` of the module ``flows.NAME``."""

    name: str
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    says: tuple[str, ...] = ()
    """Topics whose steps decide from more than one ordered input: after a crash they adopt what these already hold (law 5)."""
    by_line: bool = False
    """Accounts are at stake: a filter takes its input line by line, so that totals are those after each line."""


MARKET = FlowRow(
    name="market",
    reads=("market.ticks", "control.limits", "control.instruments"),
    writes=("market.bars", "market.marks", "risk.alerts", "dead.letters"),
    says=("risk.alerts",),
)

ORDERS = FlowRow(
    name="orders",
    reads=(
        *("orders.commands", "orders.events", "control.actions", "control.limits", "control.trading", "control.instruments"),
        *("market.marks", "portfolio.positions", "portfolio.accounts"),
    ),
    writes=("orders.updates", "risk.alerts", "dead.letters"),
    says=("orders.updates",),
    by_line=True,
)

PAPER = FlowRow(
    name="paper",
    reads=("orders.updates", "market.ticks", "control.actions"),
    writes=("orders.events", "dead.letters"),
    says=("orders.events",),
    by_line=True,
)

PORTFOLIO = FlowRow(
    name="portfolio",
    reads=("orders.events", "market.ticks", "market.bars", "control.instruments", "control.accounts", "control.actions"),
    writes=("portfolio.positions", "portfolio.pnl", "portfolio.accounts", "dead.letters"),
    by_line=True,
)

SIGNALS = FlowRow(
    name="signals",
    reads=("market.bars", "market.ticks"),
    writes=("market.indicators", "signals", "orders.commands", "dead.letters"),
)

RISK = FlowRow(
    name="risk",
    reads=(
        *("market.ticks", "market.bars", "portfolio.positions", "portfolio.accounts", "orders.updates"),
        *("control.limits", "control.instruments", "control.accounts", "control.actions", "control.trading"),
    ),
    writes=("risk.alerts", "risk.exposure", "orders.commands", "control.trading", "audit", "dead.letters"),
    says=("risk.alerts",),
    by_line=True,
)

FLOWS = {row.name: row for row in (MARKET, ORDERS, PAPER, PORTFOLIO, SIGNALS, RISK)}
"""In this order flows are joined: a topic goes from an earlier to a later one inside the process."""


ARCHIVE = FlowRow(name="archive", reads=tuple(TOPICS), writes=("dead.letters",))

RECORDS = FlowRow(
    name="records",
    reads=("orders.updates", "orders.events", "portfolio.positions", "risk.alerts", "audit", "control.limits"),
    writes=("dead.letters",),
)

INFLUXDB = FlowRow(
    name="influxdb",
    reads=(
        *("market.bars", "market.marks", "market.indicators", "signals", "portfolio.positions", "portfolio.pnl", "portfolio.accounts"),
        *("risk.exposure", "risk.alerts", "orders.updates", "system.health"),
    ),
    writes=("dead.letters",),
)

DELIVERIES: dict[str, FlowRow] = {row.name: row for row in (INFLUXDB, ARCHIVE, RECORDS)}
"""The deliveries by name. Each ends in a store of its own, and runs in a process of its own, so that no store slows a tick.
Their code is ``DELIVERY`` of the module ``flows.NAME``; ``reads`` is all that they may read, and their settings say what they do."""
