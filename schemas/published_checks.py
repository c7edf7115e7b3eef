"""Rules across the fields of what flows publish and others read back: ours keep them, another program's records may not."""

from __future__ import annotations

from schemas.dead_letters import Reason
from schemas.errors import RejectedRecord
from schemas.numbers import check_finite
from schemas.orders import OrderUpdate
from schemas.portfolio import BalanceUpdate, PositionUpdate
from schemas.symbols import MAX_SYMBOL_BYTES


def check_position(position: PositionUpdate) -> None:
    """Refuse a position that nobody can hold.

    Raises:
        RejectedRecord: with reason ``missing_field``, ``symbol`` or ``number``.
    """
    _check_named("account", position.account)
    _check_named("currency", position.currency)
    _check_symbol(position.symbol)
    check_finite("quantity", position.quantity)
    if position.version < 1:
        raise RejectedRecord(Reason.MISSING_FIELD, f"version: expected 1 or more, found {position.version}")
    if position.average_price is not None:
        check_finite("averagePrice", position.average_price)


def check_balance(balance: BalanceUpdate) -> None:
    """Refuse a balance that is nobody's.

    Raises:
        RejectedRecord: with reason ``missing_field`` or ``number``.
    """
    _check_named("account", balance.account)
    _check_named("currency", balance.currency)
    if balance.cash is not None:
        check_finite("cash", balance.cash)


def check_update(update: OrderUpdate) -> None:
    """Refuse an update whose numbers mean nothing.

    Raises:
        RejectedRecord: with reason ``missing_field``, ``symbol`` or ``number``.
    """
    _check_named("account", update.account)
    _check_named("orderId", update.order_id)
    if update.symbol is not None:
        _check_symbol(update.symbol)
    numbers = {
        "quantity": update.quantity,
        "price": update.price,
        "stopPrice": update.stop_price,
        "averagePrice": update.average_price,
        "lastPrice": update.last_price,
    }
    for field, number in numbers.items():
        if number is not None:
            check_finite(field, number)


def _check_named(field: str, value: str) -> None:
    if not value:
        raise RejectedRecord(Reason.MISSING_FIELD, f"{field}: expected one, found an empty text")


def _check_symbol(symbol: str) -> None:
    size = len(symbol.encode("utf-8", "surrogatepass"))
    if not 1 <= size <= MAX_SYMBOL_BYTES:
        raise RejectedRecord(Reason.SYMBOL, f"symbol: expected 1 to {MAX_SYMBOL_BYTES} bytes, found {size} bytes")
