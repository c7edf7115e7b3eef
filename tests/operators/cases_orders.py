"""The Case of the order book."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from operators.contract import Case, Said
from operators.orders.lifecycle import OrderBook
from operators.orders.settings import OrdersSettings
from schemas.times import END_OF_TIME_NS
from tests.operators.orders.check_streams import checks, feed
from tests.operators.orders.desk import SECOND_NS, content
from tests.operators.orders.order_streams import interleaved, streams


def inputs(seed: int) -> list[Any]:
    """Orders and, of two seeds in three, what they are held against."""
    rng = random.Random(seed)
    return [*interleaved(rng, [*streams(seed), checks(rng, rng.choice((0, 4, 20)))]), END_OF_TIME_NS]


def apply(book: OrderBook, events: Sequence[Any]) -> Said:
    """Updates and dead letters are decisions, each by its id."""
    said = Said()
    for event in events:
        made = feed(book, event)
        said.decisions += [(update.header.event_id, content(update)) for update in made.updates]
        said.decisions += [(f"dead|{reject.topic}|{reject.offset}", reject.detail) for reject in made.rejects]
    return said


SETTINGS = OrdersSettings(unknown_after_ns=10 * SECOND_NS, restricted=("MSFT",))

ORDER_BOOK = Case(make=lambda: OrderBook(SETTINGS), inputs=inputs, apply=apply)
