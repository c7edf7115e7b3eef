"""Rules across the fields of commands and execution reports: which say something that can have happened."""

from __future__ import annotations

from operator import attrgetter

from schemas.dead_letters import Reason
from schemas.errors import RejectedRecord
from schemas.numbers import MAX_EXPONENT, check_finite
from schemas.orders import ExecType, ExecutionReport, OrderCommand
from schemas.symbols import MAX_SYMBOL_BYTES

_REQUIRED = {
    ExecType.FILL: ("account", "symbol", "execution_id", "side", "quantity", "price"),
    ExecType.TRANSFER: ("account", "symbol", "execution_id", "side", "quantity", "price"),
    ExecType.BUST: ("account", "symbol", "reference_execution_id"),
    ExecType.CORRECT: ("account", "symbol", "reference_execution_id", "quantity", "price"),
    ExecType.CASH: ("account", "execution_id", "amount", "currency"),
}
"""Of all others: the order's id."""

_REQUIRED_OF = {kind: (fields, attrgetter(*fields)) for kind, fields in _REQUIRED.items()}
_ORDER_ID = (("order_id",), lambda report: (report.order_id,))
_A_FILL = ExecType.FILL
_FILL = _REQUIRED_OF[_A_FILL]
"""Looked up once: members of an enumeration are slow to find, and most reports are fills."""
_NUMBERS = ("quantity", "price", "stop_price", "fee", "amount")
_numbers_of = attrgetter(*_NUMBERS)
_WIRE = {"stop_price": "stopPrice", "execution_id": "executionId", "reference_execution_id": "referenceExecutionId", "order_id": "orderId"}


def check_execution(report: ExecutionReport) -> None:
    """Refuse a report that lacks what its type needs, or whose numbers mean nothing.

    A price below zero passes: whether the instrument allows it is not known here.

    Raises:
        RejectedRecord: with reason ``missing_field``, ``number``, ``symbol`` or ``execution``.
    """
    kind = report.exec_type
    fields, values_of = _FILL if kind is _A_FILL else _REQUIRED_OF.get(kind, _ORDER_ID)
    values = values_of(report)
    if not all(values):  # a number may be 0
        _check_given(kind, fields, values)
    for number in _numbers_of(report):
        if number and not (number.is_finite() and -MAX_EXPONENT <= number.adjusted() <= MAX_EXPONENT):
            _check_numbers(report)
    quantity = report.quantity
    if quantity is not None and (not quantity or quantity.is_signed()):
        raise RejectedRecord(Reason.EXECUTION, f"quantity: expected more than 0 (the side says which way), found {quantity}")
    _check_symbol(report.symbol)


def _check_given(kind: ExecType, fields: tuple[str, ...], values: tuple[object, ...]) -> None:
    for field, found in zip(fields, values, strict=True):
        if found is None or found == "":
            raise RejectedRecord(Reason.MISSING_FIELD, f"{_WIRE.get(field, field)}: expected one in a report of {kind}, found none")


def _check_numbers(report: ExecutionReport) -> None:
    for field, number in zip(_NUMBERS, _numbers_of(report), strict=True):
        if number:
            check_finite(_WIRE.get(field, field), number)


def check_command(command: OrderCommand) -> None:
    """Refuse a command that nobody can be answered for: its form is broken. What is wrong with an order itself is answered by REJECTED.

    Raises:
        RejectedRecord: with reason ``missing_field``, ``number`` or ``symbol``.
    """
    if not command.account and not (command.command == "cancel_all" and command.symbol):
        what = "or a symbol " if command.command == "cancel_all" else ""
        raise RejectedRecord(Reason.MISSING_FIELD, f"account: expected one {what}in a command to {command.command}, found none")
    if command.command != "cancel_all" and not command.order_id:
        raise RejectedRecord(Reason.MISSING_FIELD, f"orderId: expected one in a command to {command.command}, found none")
    for field in ("quantity", "price", "stop_price"):
        number = getattr(command, field)
        if number:
            check_finite(_WIRE.get(field, field), number)
    _check_symbol(command.symbol)


def _check_symbol(symbol: str | None) -> None:
    if symbol is None or 4 * len(symbol) <= MAX_SYMBOL_BYTES:  # no character has more bytes
        return
    size = len(symbol.encode("utf-8", "surrogatepass"))
    if size > MAX_SYMBOL_BYTES:
        raise RejectedRecord(Reason.SYMBOL, f"symbol: expected 1 to {MAX_SYMBOL_BYTES} bytes, found {size} bytes")
