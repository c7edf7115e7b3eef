"""A day at the paper exchange in a few words: order updates, ticks, and what was reported."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import numpy as np

from operators.orders.paper.reports import Report
from schemas.events import Event, Header, Place
from schemas.orders import OrderUpdate, Status
from schemas.symbols import SYMBOLS
from schemas.ticks import NO_SYMBOL, QUOTE, TRADE, WATERMARK, Rows, TickFrame, empty_rows
from schemas.times import SECOND_NS, format_time

SYMBOL, ACCOUNT = "AMZN", "A"


def number(value: Any) -> Decimal | None:
    return None if value is None else Decimal(str(value))


def update(status: Status, at: float, order: str = "o1", **given: Any) -> Event[OrderUpdate]:
    """An update at a second; what is not given is null."""
    numbers = ("quantity", "price", "stop_price", "last_quantity", "requested_quantity", "requested_price", "requested_stop_price")
    fields: dict[str, Any] = dict.fromkeys(
        ("symbol", "side", "order_type", "time_in_force", "average_price", "last_price", "venue", "strategy", "user", "reason", *numbers)
    )
    fields |= {"symbol": SYMBOL, "account": ACCOUNT, "filled_quantity": Decimal(0), "leaves_quantity": Decimal(0), "version": 1}
    fields |= {name: number(value) if name in numbers else value for name, value in given.items() if name not in ("event_id", "offset")}
    time_ns = round(at * SECOND_NS)
    event_id = given.get("event_id", f"{status}|{fields['account']}|{order}|{at}")
    header = Header(event_id, f"c|{order}", "ORDER_PENDING", 2, format_time(time_ns), "orders")
    return Event(header, OrderUpdate(order_id=order, status=status, **fields), time_ns, Place("orders.updates", 0, given.get("offset", 0)))


def place(at: float, side: str | None = "buy", quantity: Any = 100, order: str = "o1", **given: Any) -> Event[OrderUpdate]:
    kind = {"order_type": "market" if given.get("price") is None else "limit", "time_in_force": "gtc"}
    return update(Status.PENDING_NEW, at, order, **{"side": side, "quantity": quantity, **kind, **given})


def cancel(at: float, order: str = "o1", **given: Any) -> Event[OrderUpdate]:
    return update(Status.PENDING_CANCEL, at, order, **given)


def replace(at: float, order: str = "o1", **given: Any) -> Event[OrderUpdate]:
    return update(Status.PENDING_REPLACE, at, order, **{f"requested_{name}": value for name, value in given.items()})


def trade(at: float, price: float, size: float = np.nan, symbol: str = SYMBOL) -> Rows:
    return _row(at, symbol, kind=TRADE, price=price, size=size)


def quote(at: float, bid: float, ask: float, bid_size: float = np.nan, ask_size: float = np.nan, symbol: str = SYMBOL) -> Rows:
    return _row(at, symbol, kind=QUOTE, bid=bid, ask=ask, bid_size=bid_size, ask_size=ask_size)


def passing(at: float) -> Rows:
    """Event time passes, or (inf) the input ends."""
    return _row(at, None, kind=WATERMARK)


def _row(at: float, symbol: str | None, **columns: float) -> Rows:
    rows = empty_rows(1)
    rows["time"] = 2**63 - 1 if at == np.inf else round(at * SECOND_NS)
    rows["symbol"] = NO_SYMBOL if symbol is None else SYMBOLS.code(symbol)
    for name, value in columns.items():
        rows[name] = value
    return rows


def frames(ticks: Sequence[Rows], start: int = 0) -> list[TickFrame]:
    """A frame of each, placed one after another, watermarks filled."""
    rows: Rows = np.concatenate([empty_rows(0), *ticks])
    rows["offset"] = np.arange(start, start + len(rows))
    rows["watermark"] = np.maximum.accumulate(rows["time"])
    return [TickFrame(rows[at : at + 1]) for at in range(len(rows))]


def said(report: Report) -> str:
    """A report in a line: what matters of it."""
    payload = report.payload
    words = [payload.exec_type.value]
    if payload.quantity is not None and payload.exec_type == "fill":
        words += [f"{payload.quantity.normalize():f}@{payload.price:f}"]
        words += [f"fee {payload.fee:f}"] if payload.fee else []
    return " ".join([payload.order_id or "", *words, "at", f"{report.time_ns / SECOND_NS:g}"])
