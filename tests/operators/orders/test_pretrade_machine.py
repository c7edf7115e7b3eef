"""Whatever is commanded, filled, replaced or halted, and however late the portfolio's word comes: no limit is broken."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from operators.orders.causes import is_echo
from operators.orders.lifecycle import OrderBook
from operators.orders.saying import OrdersOutput
from operators.orders.settings import OrdersSettings
from schemas.events import Event
from schemas.orders import ExecType, ExecutionReport, OrderCommand, OrderUpdate, Side, Status
from tests.operators.orders.check_streams import feed, limit, position, trading
from tests.operators.orders.desk import command_event, report_event

LIMIT = 50
amounts = st.integers(1, 40)


@dataclass
class AtVenue:
    """An order as the venue has it."""

    side: Side
    quantity: int
    filled: int = 0
    refused: int = 0
    """Cancels; a venue is not for ever too late."""
    asked: list[int | None] = field(default_factory=list)
    """Quantities of replaces to answer, in their order; None: a cancel."""

    @property
    def most_open(self) -> int:
        return max([self.quantity, self.filled, *(asked for asked in self.asked if asked is not None)]) - self.filled


class Desk(RuleBasedStateMachine):
    """One account, one symbol, a venue, and a portfolio that answers when it likes."""

    def __init__(self) -> None:
        super().__init__()
        self.book = OrderBook(OrdersSettings())
        self.venue: dict[str, AtVenue] = {}
        self.position = 0
        self.untold: list[tuple[int, int, str]] = []
        self.state = "ACTIVE"
        self.reduced_from: int | None = None
        self.number = 0

    @initialize()
    def limited(self) -> None:
        feed(self.book, limit("position", LIMIT))

    def take(self, made: OrdersOutput) -> list[Event[OrderUpdate]]:
        """The venue hears of what is asked for."""
        for event in made.updates:
            update, is_asked = event.payload, not is_echo(event.header.event_id)
            if update.status is Status.PENDING_NEW and is_asked:
                self.venue[update.order_id] = AtVenue(update.side or "buy", int(update.quantity or 0))
            elif update.reason is None or update.reason.startswith("TRADING_HALTED: account"):
                if update.status is Status.PENDING_REPLACE and is_asked:
                    self.venue[update.order_id].asked.append(int(update.requested_quantity or 0))
                elif update.status is Status.PENDING_CANCEL and is_asked:
                    self.venue[update.order_id].asked.append(None)
        return made.updates

    def command(self, command: str, **fields: Any) -> list[Event[OrderUpdate]]:
        self.number += 1
        payload = OrderCommand(command=command, account="A", **fields)  # type: ignore[arg-type]
        return self.take(feed(self.book, command_event(payload, self.number)))

    def report(self, kind: str, order_id: str, **fields: Any) -> None:
        self.number += 1
        payload = ExecutionReport(
            exec_type=ExecType(kind), account="A", symbol="AMZN", order_id=order_id, execution_id=f"e{self.number}", **fields
        )
        self.take(feed(self.book, report_event(payload, self.number)))

    def some(self, choice: int) -> tuple[str, AtVenue] | None:
        orders = [(order_id, order) for order_id, order in self.venue.items() if order.quantity > order.filled or order.asked]
        return orders[choice % len(orders)] if orders else None

    @rule(side=st.sampled_from(("buy", "sell")), quantity=amounts)
    def place(self, side: Side, quantity: int) -> None:
        order_id = f"o{self.number}"
        fields = {"order_id": order_id, "symbol": "AMZN", "side": side, "quantity": Decimal(quantity), "order_type": "market"}
        (update,) = self.command("place", **fields)
        assert not (self.state == "HALTED" and update.payload.status is Status.PENDING_NEW)

    @rule(choice=st.integers(0, 99), quantity=amounts)
    def replace(self, choice: int, quantity: int) -> None:
        if chosen := self.some(choice):
            self.command("replace", order_id=chosen[0], quantity=Decimal(quantity))

    @rule(choice=st.integers(0, 99))
    def cancel(self, choice: int) -> None:
        if chosen := self.some(choice):
            self.command("cancel", order_id=chosen[0])

    @rule(choice=st.integers(0, 99), quantity=amounts, portfolio_first=st.booleans())
    def fill(self, choice: int, quantity: int, portfolio_first: bool) -> None:
        chosen = self.some(choice)
        if not chosen or chosen[1].quantity <= chosen[1].filled:
            return
        order_id, order = chosen
        quantity = min(quantity, order.quantity - order.filled)
        order.filled += quantity
        self.position += quantity if order.side == "buy" else -quantity
        self.untold.append((self.position, len(self.untold), f"orders.events-{self.number + 1}"))
        if portfolio_first:
            self.portfolio_catches_up(len(self.untold))
        self.report("fill", order_id, side=order.side, quantity=Decimal(quantity), price=Decimal(50))

    @rule(choice=st.integers(0, 99), agrees=st.booleans())
    def answer(self, choice: int, agrees: bool) -> None:
        chosen = self.some(choice)
        if chosen and chosen[1].asked:
            self.answered(*chosen, agrees)

    def answered(self, order_id: str, order: AtVenue, agrees: bool) -> None:
        asked = order.asked.pop(0)
        if asked is None:
            agrees = agrees or order.refused == 2
            order.refused += not agrees
            order.asked = [] if agrees else order.asked
            order.quantity = order.filled if agrees else order.quantity
            self.report("canceled" if agrees else "cancel_rejected", order_id)
        else:
            order.quantity = max(asked, order.filled) if agrees else order.quantity
            self.report("replaced" if agrees else "replace_rejected", order_id, quantity=Decimal(asked))

    @rule(count=st.integers(1, 3))
    def portfolio_catches_up(self, count: int) -> None:
        """Its versions count the fills."""
        for quantity, at, cause in self.untold[self.told : self.told + count]:
            feed(self.book, position("A", quantity, at + 1, cause))
            self.told += 1

    told = 0

    @rule(state=st.sampled_from(("ACTIVE", "ACTIVE", "REDUCING", "HALTED")))
    def switch(self, state: str) -> None:
        self.number += 1
        if state == "REDUCING":  # what was open before may still be filled
            self.settle()
        self.state, self.reduced_from = state, abs(self.position) if state == "REDUCING" else None
        self.take(feed(self.book, trading(state, self.number, "A", self.number)))

    @rule()
    def halted_and_settled(self) -> None:
        """Once the venue has confirmed, nothing is open."""
        if self.state != "HALTED":
            return
        for order_id, order in self.venue.items():
            while order.asked:
                self.answered(order_id, order, True)
        assert all(order.most_open <= 0 for order in self.venue.values())
        assert all(not order.leaves for order in self.book._accounts["A"].orders.values()) if "A" in self.book._accounts else True

    def settle(self) -> None:
        for order_id, order in self.venue.items():
            while order.asked:
                self.answered(order_id, order, True)
            if order.quantity > order.filled:
                self.command("cancel", order_id=order_id)
            while order.asked:
                self.answered(order_id, order, True)

    @invariant()
    def no_worst_case_beyond_the_limit(self) -> None:
        buys = sum(order.most_open for order in self.venue.values() if order.side == "buy")
        sells = sum(order.most_open for order in self.venue.values() if order.side == "sell")
        assert self.position + buys <= LIMIT
        assert self.position - sells >= -LIMIT

    @invariant()
    def reducing_only_reduces(self) -> None:
        if self.reduced_from is not None:
            assert abs(self.position) <= self.reduced_from
            self.reduced_from = abs(self.position)

    @invariant()
    def the_position_is_known(self) -> None:
        assert self.book.checks.positions.of("A", "AMZN") == self.position


Desk.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestPretradeMachine = Desk.TestCase
