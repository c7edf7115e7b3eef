"""The order book as a step of a flow: commands, reports, controls, positions and prices in, updates and dead letters out."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, ClassVar

import msgspec

from operators.orders.causes import Split, join
from operators.orders.lifecycle import OrderBook
from operators.orders.saying import OrdersOutput
from operators.orders.settings import OrdersSettings
from schemas.balances import BalanceFrame
from schemas.control import Action, Control
from schemas.events import Event, RawEnvelope, Watermark
from schemas.orders import ExecutionReport, OrderCommand, OrderUpdate
from schemas.portfolio import PositionUpdate
from schemas.risk_frames import SymbolMarks
from schemas.symbols import shard_of

Item = Event[OrderCommand] | Event[ExecutionReport] | Event[PositionUpdate] | Control | SymbolMarks | BalanceFrame | Watermark

ACTIONS = "control.actions"

_decode = msgspec.json.Decoder(OrderUpdate).decode


class OrdersStep:
    """One shard of accounts."""

    adopts_when_fresh: ClassVar[bool] = True
    """A run that begins again, without its state, must not say otherwise what was published."""

    def __init__(self, settings: OrdersSettings, shard: int, state: dict[str, Any] | None) -> None:
        """``state``: of a snapshot; None starts afresh."""
        self._number = shard
        self._book = OrderBook(settings)
        if state is not None:
            self._book.restore(state)

    def process(self, item: Item) -> OrdersOutput | None:
        """Apply one input; None where it made nothing."""
        made = self._apply(item)
        return made if made and (made.updates or made.rejects) else None

    def join(self, items: list[Any]) -> list[Any]:
        """As they are: an order takes one thing at a time."""
        return items

    def snapshot(self) -> dict[str, Any]:
        return self._book.snapshot()

    def adopt(self, events: Iterable[RawEnvelope]) -> None:
        """Take the updates of this shard's accounts as said."""
        updates = ((event.header.event_id, _decode(event.payload)) for event in events if event.header.event_id.startswith("order|"))
        self._book.adopt((event_id, update) for event_id, update in updates if self._is_ours(update.account))

    def _apply(self, item: Item) -> OrdersOutput | None:
        if isinstance(item, Event):
            return self._on_event(item)
        if isinstance(item, SymbolMarks):
            self._book.checks.prices.put(item)
            return None
        if isinstance(item, BalanceFrame):
            self._book.checks.balances.put(item)
            return None
        if isinstance(item, Watermark):
            return self._book.on_watermark(item.time_ns)
        return self._on_action(item) if item.topic == ACTIONS else self._book.on_control(item)

    def _on_event(self, event: Event[Any]) -> OrdersOutput | None:
        payload = event.payload
        if isinstance(payload, ExecutionReport):
            return self._book.on_report(event)
        if isinstance(payload, OrderCommand):
            return self._book.on_command(event)
        self._book.checks.positions.on_update(event)
        return None

    def _on_action(self, control: Control) -> OrdersOutput | None:
        """Orders know of splits; positions of dividends too, for the portfolio says them anew."""
        action, split = control.payload, split_of(control)
        if isinstance(action, Action):
            self._book.checks.positions.on_action(action.symbol, control.id, split.ratio if split else Decimal(1))
        return self._book.on_split(split, control.place) if split else None

    def _is_ours(self, account: str) -> bool:
        return shard_of(account.encode("utf-8", "surrogatepass")) == self._number


def split_of(control: Control) -> Split | None:
    """The split that a control event announces; None for anything else, and for a deletion, which undoes nothing."""
    action = control.payload
    if not isinstance(action, Action) or action.action != "split" or action.ratio is None:
        return None
    return Split(join("split", control.id, str(control.time_ns)), action.symbol, action.ratio, control.time_ns)
