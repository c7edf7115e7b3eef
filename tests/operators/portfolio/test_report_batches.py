"""Reports that are applied at once make the positions and balances of reports applied one by one."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from operators.portfolio.settings import PortfolioSettings
from operators.portfolio.step import AccountsStep, PortfolioStep
from schemas.events import Event, Header, Place
from schemas.orders import ExecType, ExecutionReport
from schemas.pnl_frames import AccountFrame
from schemas.times import DAY_NS

MIDNIGHT_NS = 20_000 * DAY_NS

fills = st.lists(
    st.tuples(st.sampled_from(["X", "Y"]), st.sampled_from(["buy", "sell"]), st.integers(1, 5), st.integers(1, 9)), min_size=1, max_size=12
)


def reports(rows: list[tuple[str, Any, int, int]]) -> list[Event[ExecutionReport]]:
    """An hour apart, around a midnight; every third comes twice."""
    found = []
    for at, (symbol, side, quantity, price) in enumerate(rows):
        report = ExecutionReport(
            ExecType.FILL,
            "A",
            symbol,
            execution_id=f"e{at}",
            side=side,
            quantity=Decimal(quantity),
            price=Decimal(price),
            fee=Decimal("0.1"),
        )
        time_ns = MIDNIGHT_NS + (at - 6) * 3_600_000_000_000
        event = Event(Header(f"r{at}", f"o{at}", "EXECUTION_REPORT", 2, time_ns, "test"), report, time_ns, Place("orders.events", 0, at))
        found += [event] * (2 if at % 3 == 2 else 1)
    return found


def run(events: list[Event[ExecutionReport]], sizes: list[int]) -> tuple[list[Any], dict[str, Any], Any]:
    """Positions said, the stored ledger, and the account's last balance."""
    portfolio, accounts = PortfolioStep(PortfolioSettings(), 0, None), AccountsStep(PortfolioSettings(), 0, None)
    positions: list[Any] = []
    last, at = None, 0
    for size in [*sizes, len(events)]:
        for item in portfolio.join(list(events[at : at + size])):
            made = portfolio.process(item)
            if made is not None:
                positions += made.positions
                said = accounts.process(AccountFrame(list(made.holdings), list(made.cash), made.pnl))
                last = said.accounts[-1].payload if said else last
        at += size
    return positions, portfolio.snapshot()["ledger"], last


@settings(max_examples=100, deadline=None)
@given(rows=fills, sizes=st.lists(st.integers(1, 6), max_size=6))
def test_a_batch_of_reports_equals_them_one_by_one(rows: list[tuple[str, Any, int, int]], sizes: list[int]) -> None:
    events = reports(rows)
    one_by_one, batched = run(events, [1] * len(events)), run(events, sizes)
    assert batched[0] == one_by_one[0], "each report says its position"
    assert batched[1] == one_by_one[1]
    assert (batched[2].cash, batched[2].realized_pnl) == (one_by_one[2].cash, one_by_one[2].realized_pnl)
