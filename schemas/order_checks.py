"""Rules across the fields of commands and execution reports: which say something that can have happened."""

from __future__ import annotations

from decimal import Decimal

from schemas.dead_letters import Reason
from schemas.errors import RejectedRecord
from schemas.numbers import check_finite
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

_WIRE = {"execution_id": "executionId", "reference_execution_id": "referenceExecutionId", "order_id": "orderId"}


def check_execution(report: ExecutionReport) -> None:
    """Refuse a report that lacks what its type needs, or whose numbers mean nothing.

    A price below zero passes: whether the instrument allows it is not known here.

    Raises:
        RejectedRecord: with reason ``missing_field``, ``number``, ``symbol`` or ``execution``.
    """
    for field in _REQUIRED.get(report.exec_type, ("order_id",)):
        if getattr(report, field) in (None, ""):
            raise RejectedRecord(
                Reason.MISSING_FIELD, f"{_WIRE.get(field, field)}: expected one in a report of {report.exec_type}, found none"
            )
    _check_numbers(
        {"quantity": report.quantity, "price": report.price, "stopPrice": report.stop_price, "fee": report.fee, "amount": report.amount}
    )
    if report.quantity is not None and report.quantity <= 0:
        raise RejectedRecord(Reason.EXECUTION, f"quantity: expected more than 0 (the side says which way), found {report.quantity}")
    _check_symbol(report.symbol)


def check_command(command: OrderCommand) -> None:
    """Refuse a command that nobody can be answered for: its form is broken. What is wrong with an order itself is answered by REJECTED.

    Raises:
        RejectedRecord: with reason ``missing_field``, ``number`` or ``symbol``.
    """
    if command.command != "cancel_all" and not command.order_id:
        raise RejectedRecord(Reason.MISSING_FIELD, f"orderId: expected one in a command to {command.command}, found none")
    _check_numbers({"quantity": command.quantity, "price": command.price, "stopPrice": command.stop_price})
    _check_symbol(command.symbol)


def _check_numbers(numbers: dict[str, Decimal | None]) -> None:
    for field, value in numbers.items():
        if value is not None:
            check_finite(field, value)


def _check_symbol(symbol: str | None) -> None:
    size = 1 if symbol is None else len(symbol.encode("utf-8", "surrogatepass"))
    if size > MAX_SYMBOL_BYTES:
        raise RejectedRecord(Reason.SYMBOL, f"symbol: expected 1 to {MAX_SYMBOL_BYTES} bytes, found {size} bytes")
