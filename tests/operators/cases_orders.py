"""The Case of the order book."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from operators.contract import Case, Said
from operators.orders.lifecycle import OrderBook
from operators.orders.settings import OrdersSettings
from tests.operators.orders.desk import SECOND_NS, content
from tests.operators.orders.order_streams import feed, inputs


def apply(book: OrderBook, events: Sequence[Any]) -> Said:
    """Updates and dead letters are decisions, each by its id."""
    said = Said()
    for event in events:
        made = feed(book, event)
        said.decisions += [(update.header.event_id, content(update)) for update in made.updates]
        said.decisions += [(f"dead|{reject.topic}|{reject.offset}", reject.detail) for reject in made.rejects]
    return said


ORDER_BOOK = Case(make=lambda: OrderBook(OrdersSettings(unknown_after_ns=10 * SECOND_NS)), inputs=inputs, apply=apply)
