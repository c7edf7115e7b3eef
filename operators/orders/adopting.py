"""Published reports are true (law 5): what an order became of them, and what they took of ticks that come again."""

from __future__ import annotations

from decimal import Decimal

from operators.orders.paper.floor import Floor
from operators.orders.paper.reports import Said
from operators.orders.paper.resting import EXACT, Resting
from schemas.orders import ExecType


def adopt_report(floor: Floor, said: Said) -> None:
    """Take one report as true; one that is known already changes nothing. Reports of an order come in their order."""
    order, done, published = floor.orders.get(said.key), floor.done.get(said.key), said.report
    if done is not None:
        done.reports = max(done.reports, said.number)
        if said.cause not in done.answered:
            done.answered.append(said.cause)
        return
    if order is None:
        order = floor.orders[said.key] = Resting(*said.key, symbol=published.symbol or "", side=published.side, state="told")
    if published.exec_type not in (ExecType.FILL, ExecType.EXPIRED) and said.cause not in order.answered:
        order.answered.append(said.cause)
    if said.number <= order.reports:
        return
    order.reports = said.number
    if order.state == "open":
        floor.symbols[order.symbol].book.remove(order)
    _take_said(floor, order, said)
    _settle_adopted(floor, order)


def _take_said(floor: Floor, order: Resting, said: Said) -> None:
    published, kind = said.report, said.report.exec_type
    if kind == ExecType.FILL:
        taken = published.quantity or Decimal(0)
        order.filled = published.cumulative_quantity or EXACT.add(order.filled, taken)
        order.filled_ns, order.is_triggered = said.time_ns, True
        order.decided = [there for there in order.decided if there[0] != said.tick[0]] + [said.tick]
        if order.side is not None:
            used = floor.used.setdefault(order.symbol, {}).setdefault(said.tick, {})
            used[order.side] = EXACT.add(used.get(order.side, Decimal(0)), taken)
        if order.quantity is not None and order.leaves <= 0:
            order.outcome = "filled"
    elif kind in (ExecType.NEW, ExecType.REPLACED):
        floor.set_terms(order, published.quantity, published.price, published.stop_price, said.time_ns)
        order.terms_ns = said.time_ns
    elif kind in (ExecType.CANCELED, ExecType.EXPIRED, ExecType.REJECTED):
        order.outcome = kind.value


def _settle_adopted(floor: Floor, order: Resting) -> None:
    """A known order goes where its reports say; a told one waits for its PENDING_NEW."""
    if order.state == "told":
        return
    if order.outcome:
        floor.end(order, order.outcome)
    else:
        floor.accept(order, floor.clock(order.symbol))
    floor.watch(order.symbol)
