"""What is known of one order. Its status, leaves and average are derived from this, never stored."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from operators.orders.decimals import EXACT, OUTPUT, ZERO, plain
from schemas.orders import OrderCommand, OrderType, OrderUpdate, Side, Status, TimeInForce

SEEN_KEPT = 1_000
"""State events of an order that are known again; the oldest is forgotten first."""


class Fill(msgspec.Struct, gc=False):
    """One fill as it stands now, in today's units."""

    quantity: Decimal
    notional: Decimal
    """Quantity times price: a split leaves it alone."""
    time_ns: int
    live: bool = True
    """False: busted."""
    names: list[str] = []
    """Keys of the corrections that it went through; a later one may name any of them."""


class Request(msgspec.Struct, frozen=True, gc=False):
    """What a replace asks for; None leaves a value as it is."""

    quantity: Decimal | None
    price: Decimal | None
    stop_price: Decimal | None


class Order(msgspec.Struct):
    """One order of one account."""

    account: str
    order_id: str
    correlation_id: str
    placed_ns: int
    symbol: str | None
    side: Side | None
    order_type: OrderType | None
    price: Decimal | None
    stop_price: Decimal | None
    time_in_force: TimeInForce | None
    quantity: Decimal | None
    strategy: str | None
    user: str | None
    venue: str | None = None
    version: int = 0
    accepted: bool = False
    """The venue has it."""
    ended: Status | None = None
    """CANCELED, EXPIRED or REJECTED."""
    halted: Status | None = None
    """SUSPENDED or DONE_FOR_DAY."""
    halted_ns: int = -1
    working_ns: int = -1
    """Event time of the last word that it works; an older one that it is halted is overtaken."""
    cancel_pending: bool = False
    requests: list[Request] = []
    """Replaces that the venue has not answered, oldest first."""
    answered_ns: int = -1
    """Event time of the last refusal; an older word that something is pending is overtaken."""
    last_ns: int = -1
    fills: dict[str, Fill] = {}
    """By (venue, symbol, execution id)."""
    filled: Decimal = ZERO
    notional: Decimal = ZERO
    seen: dict[str, None] = {}
    splits: list[tuple[int, Decimal]] = []
    """(event time, ratio) of those that it went through."""
    by_system: bool = False
    """The cancel that is pending, or was confirmed, was asked for by the kill switch."""
    unit_needs: Decimal = ZERO
    """What a unit of it may add to the account's exposure, in the account's currency; 0: it adds nothing, or nobody asked."""

    @property
    def status(self) -> Status:
        """By the precedence of FIX Volume 4, appendix D: of all that is true, the first in this order."""
        if self.cancel_pending:
            return Status.PENDING_CANCEL
        if self.requests:
            return Status.PENDING_REPLACE
        if self.halted is Status.DONE_FOR_DAY:
            return Status.DONE_FOR_DAY
        if self.quantity is not None and self.filled >= self.quantity and self.filled > 0:
            return Status.FILLED
        if self.ended is not None:
            return self.ended
        if self.halted is not None:
            return self.halted
        if self.filled > 0:
            return Status.PARTIALLY_FILLED
        return Status.NEW if self.accepted else Status.PENDING_NEW

    @property
    def leaves(self) -> Decimal:
        """Still open: nothing of an order that ended, or of one that was good for a day that is done."""
        over = self.ended is not None or (self.halted is Status.DONE_FOR_DAY and not self.is_lasting)
        if over or self.quantity is None or self.filled >= self.quantity:
            return ZERO
        return EXACT.subtract(self.quantity, self.filled)

    @property
    def average_price(self) -> Decimal | None:
        """Of its live fills."""
        return OUTPUT.divide(self.notional, self.filled) if self.filled > 0 else None

    @property
    def is_lasting(self) -> bool:
        """Whether it outlives the day."""
        return self.time_in_force in ("gtc", "GTC")

    @property
    def is_finished(self) -> bool:
        """Nothing is open and nothing awaited."""
        return not self.leaves and not self.cancel_pending and not self.requests

    @property
    def is_overfilled(self) -> bool:
        """More was filled than ordered."""
        return self.quantity is not None and self.filled > self.quantity

    def add(self, quantity: Decimal, notional: Decimal) -> None:
        """Count this much more as filled; less where it is below 0."""
        self.filled = EXACT.add(self.filled, quantity)
        self.notional = EXACT.add(self.notional, notional)

    def ratio_since(self, time_ns: int) -> Decimal:
        """Today's units in one unit of that time."""
        ratio = Decimal(1)
        for split_ns, one in self.splits:
            if time_ns < split_ns:
                ratio = EXACT.multiply(ratio, one)
        return ratio

    def remember(self, identity: str) -> None:
        """A state event that was applied."""
        self.seen[identity] = None
        if len(self.seen) > SEEN_KEPT:
            del self.seen[next(iter(self.seen))]

    def update(self, reason: str | None, last_quantity: Decimal | None = None, last_price: Decimal | None = None) -> OrderUpdate:
        """As it is said."""
        status = self.status
        asked = self.requests[-1] if status is Status.PENDING_REPLACE else Request(None, None, None)
        return OrderUpdate(
            order_id=self.order_id,
            account=self.account,
            symbol=self.symbol,
            side=self.side,
            status=status,
            order_type=self.order_type,
            price=plain(self.price),
            stop_price=plain(self.stop_price),
            time_in_force=self.time_in_force,
            quantity=plain(self.quantity),
            filled_quantity=plain(self.filled) or ZERO,
            leaves_quantity=plain(self.leaves) or ZERO,
            average_price=plain(self.average_price),
            last_quantity=plain(last_quantity),
            last_price=plain(last_price),
            venue=self.venue,
            strategy=self.strategy,
            user=self.user,
            reason=reason,
            version=self.version,
            requested_quantity=plain(asked.quantity),
            requested_price=plain(asked.price),
            requested_stop_price=plain(asked.stop_price),
        )


def placed(command: OrderCommand, order_id: str, correlation_id: str, time_ns: int) -> Order:
    """The order that a command asks for, with what it left out."""
    return Order(
        account=command.account or "",
        order_id=order_id,
        correlation_id=correlation_id,
        placed_ns=time_ns,
        symbol=command.symbol,
        side=command.side,
        order_type=command.order_type or ("limit" if command.price is not None else "market"),
        price=command.price,
        stop_price=command.stop_price,
        time_in_force=command.time_in_force or "day",
        quantity=command.quantity,
        strategy=command.strategy,
        user=command.user,
    )
