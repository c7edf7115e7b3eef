"""A row of anybody's list of fills as an execution report: by our fields' names, in the words that brokers use."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, localcontext
from typing import Literal, TypeVar, get_args

from schemas.dead_letters import Reason
from schemas.errors import RejectedRecord
from schemas.orders import ExecType, ExecutionReport, OrderType, Side
from sources.numbers import NUMBER

Cells = Mapping[str, str | None]
"""Text of each cell by the field's name on the wire; None or empty: nothing is there. A field that the list does not have is not there."""

_BUY = ("buy", "b", "bot", "bought", "buytoopen", "buytocover", "buytoclose")
_SELL = ("sell", "s", "sld", "sold", "selltoopen", "selltoclose", "sellshort", "ss", "short")
SIDES: dict[str, Side] = {**dict.fromkeys(_BUY, "buy"), **dict.fromkeys(_SELL, "sell")}
"""Words for a side, without case, blanks, ``_`` and ``-``."""

_TYPES = {**{kind.value.replace("_", ""): kind for kind in ExecType}, **dict.fromkeys(("partialfill", "filled", "trade"), ExecType.FILL)}
_TRADES = frozenset({ExecType.FILL, ExecType.TRANSFER, ExecType.CORRECT})
_TimeInForce = Literal["day", "gtc", "ioc", "fok"]

W = TypeVar("W", bound=str)


@dataclass(frozen=True, slots=True)
class Defaults:
    """What rows do not say themselves."""

    account: str | None = None
    symbol: str | None = None
    venue: str | None = None
    price_scale: Decimal = Decimal(1)


def report_of(cells: Cells, defaults: Defaults = Defaults()) -> ExecutionReport:
    """The report of a row. Without ``execType`` it is a fill; without ``side`` the sign of the quantity says which way.

    A quantity below zero beside a side that says sell is its size. Numbers are taken from their text, as they are written.

    Raises:
        RejectedRecord: a cell is not what its field is.
    """
    exec_type = _type(_cell(cells, "execType"))
    quantity = _number(cells, "quantity")
    side, quantity = _side(cells, exec_type, quantity)
    fee = _number(cells, "fee")
    return ExecutionReport(
        exec_type=exec_type,
        account=_cell(cells, "account") or defaults.account,
        symbol=_cell(cells, "symbol") or defaults.symbol,
        venue=_cell(cells, "venue") or defaults.venue,
        order_id=_cell(cells, "orderId"),
        execution_id=_cell(cells, "executionId"),
        reference_execution_id=_cell(cells, "referenceExecutionId"),
        side=side,
        quantity=quantity,
        price=_scaled(_number(cells, "price"), defaults.price_scale),
        stop_price=_scaled(_number(cells, "stopPrice"), defaults.price_scale),
        order_type=_word(cells, "orderType", get_args(OrderType)),
        time_in_force=_word(cells, "timeInForce", get_args(_TimeInForce)),
        cumulative_quantity=_number(cells, "cumulativeQuantity"),
        fee=Decimal(0) if fee is None else fee,
        fee_currency=_cell(cells, "feeCurrency"),
        amount=_number(cells, "amount"),
        currency=_cell(cells, "currency"),
        reason=_cell(cells, "reason"),
        timestamp=_cell(cells, "timestamp"),
    )


def _cell(cells: Cells, name: str) -> str | None:
    return (cells.get(name) or "").strip() or None


def _plain(text: str) -> str:
    return re.sub(r"[\s_-]", "", text).casefold()


def _type(text: str | None) -> ExecType:
    if text is None:
        return ExecType.FILL
    found = _TYPES.get(_plain(text))
    if found is None:
        raise RejectedRecord(Reason.UNKNOWN_TYPE, f"execType: expected one of {', '.join(ExecType)}, found {text[:60]!r}")
    return found


def _side(cells: Cells, exec_type: ExecType, quantity: Decimal | None) -> tuple[Side | None, Decimal | None]:
    """Side and size."""
    text = _cell(cells, "side")
    if text is None:
        if "side" in cells or quantity is None or exec_type not in _TRADES:
            return None, quantity
        return ("sell", -quantity) if quantity < 0 else ("buy", quantity)
    side = SIDES.get(_plain(text))
    if side is None:
        raise RejectedRecord(Reason.MALFORMED, f"side: expected buy or sell (b, s, bot, sld), found {text[:60]!r}")
    return side, -quantity if quantity is not None and quantity < 0 and side == "sell" else quantity


def _number(cells: Cells, name: str) -> Decimal | None:
    text = _cell(cells, name)
    if text is None:
        return None
    if not NUMBER.fullmatch(text):
        raise RejectedRecord(Reason.NUMBER, f"{name}: expected a number such as 1234.5, found {text[:60]!r}")
    return Decimal(text)


def _scaled(value: Decimal | None, scale: Decimal) -> Decimal | None:
    if value is None or scale == 1:
        return value
    with localcontext() as context:
        context.prec = len(value.as_tuple().digits) + len(scale.as_tuple().digits)
        return value * scale


def _word(cells: Cells, name: str, words: tuple[W, ...]) -> W | None:
    text = _cell(cells, name)
    if text is None:
        return None
    found = next((word for word in words if word.replace("_", "") == _plain(text)), None)
    if found is None:
        raise RejectedRecord(Reason.MALFORMED, f"{name}: expected {', '.join(words)}, found {text[:60]!r}")
    return found
