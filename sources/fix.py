"""FIX 4.x logs: execution reports (35=8) and order cancel rejects (35=9) as reports of ours.

A message may stand anywhere in its line (after a timestamp, a direction, a session's name); its fields are delimited by SOH, by ``|`` or
by the two characters ``^A``. Of versions before 4.3 ExecType 1 and 2 are fills, and ExecTransType (20) says what is a bust or a correction.

Our order id is the first ClOrdID (11) of an order: a replace or a cancel has one of its own and names the one before in OrigClOrdID (41).
"""

from __future__ import annotations

import re
from calendar import timegm
from collections.abc import Iterator, Mapping
from decimal import Decimal, localcontext

from schemas.dead_letters import Reason
from schemas.errors import RejectedRecord
from schemas.orders import ExecType, ExecutionReport, OrderType, Side, TimeInForce
from schemas.times import SECOND_NS, format_time
from sources.numbers import NUMBER
from sources.venue_names import VenueNames, first

KINDS = {
    "0": ExecType.NEW,
    "1": ExecType.FILL,
    "2": ExecType.FILL,
    "3": ExecType.DONE_FOR_DAY,
    "4": ExecType.CANCELED,
    "5": ExecType.REPLACED,
    "6": ExecType.PENDING_CANCEL,
    "8": ExecType.REJECTED,
    "9": ExecType.SUSPENDED,
    "A": ExecType.PENDING_NEW,
    "C": ExecType.EXPIRED,
    "D": ExecType.REPLACED,  # restated: the venue changed the order by itself
    "E": ExecType.PENDING_REPLACE,
    "F": ExecType.FILL,
    "G": ExecType.CORRECT,
    "H": ExecType.BUST,
}
"""ExecType (150) to ours; where a message of FIX 4.0 has none, by OrdStatus (39)."""

PASSED_OVER = frozenset({"7", "B", "I", "J", "K", "L"})
"""Stopped, calculated, order status, trade in a clearing hold and its release, triggered: nothing of it moves an order or a position."""

_SIDES: dict[str, Side] = {"1": "buy", "2": "sell", "3": "buy", "4": "sell", "5": "sell", "6": "sell"}
_ORDER_TYPES: dict[str, OrderType] = {"1": "market", "2": "limit", "3": "stop", "4": "stop_limit"}
_TIMES_IN_FORCE: dict[str, TimeInForce] = {"0": "day", "1": "gtc", "3": "ioc", "4": "fok"}
_SAYS_TERMS = frozenset({ExecType.NEW, ExecType.PENDING_NEW, ExecType.REPLACED})
_TRADES = frozenset({ExecType.FILL, ExecType.CORRECT})
_REPORT, _CANCEL_REJECT = "8", "9"

_BEGIN = re.compile(rb"8=FIXT?\.\d\.\d(?:SP\d)?(\x01|\||\^A)")
_CHECKSUM = re.compile(rb"10=(\d{3})")
_TIME = re.compile(r"(\d{4})(\d\d)(\d\d)-(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9})\d*)?Z?", re.ASCII)
_SOH = b"\x01"

Tags = Mapping[str, str]
"""First value of each tag of a message."""


class FixLog:
    """Translates the lines of one log, in their order."""

    def __init__(self, account: str | None = None, symbol: str | None = None, venue: str | None = None, *, checksum: bool = True) -> None:
        """The names stand in where a message has none; ``checksum`` False: messages with a wrong checksum, or none, are taken."""
        self._account, self._symbol, self._venue = account, symbol, venue
        self._checksum = checksum
        self._names = VenueNames()

    def translate(self, line: bytes) -> list[ExecutionReport | RejectedRecord]:
        """What the messages of a line report; nothing for other types of message and for lines without one."""
        found: list[ExecutionReport | RejectedRecord] = []
        for tags in messages(line, checksum=self._checksum):
            if isinstance(tags, RejectedRecord):
                found.append(tags)
                continue
            try:
                report = self._report(tags)
            except RejectedRecord as error:
                report = error
            if report is not None:
                found.append(report)
        return found

    def _report(self, tags: Tags) -> ExecutionReport | RejectedRecord | None:
        order_id = self._order_id(tags)
        kind = tags.get("35")
        if kind == _CANCEL_REJECT:
            exec_type = ExecType.REPLACE_REJECTED if tags.get("434") == "2" else ExecType.CANCEL_REJECTED
            return self._made(tags, exec_type, order_id)
        if kind != _REPORT:
            return None
        found = _exec_type(tags)
        return None if found is None else self._made(tags, found, order_id)

    def _order_id(self, tags: Tags) -> str | None:
        name = first(tags, "11")
        if name is None or name.casefold() == "none":
            return first(tags, "41", "37") if tags.get("35") in (_REPORT, _CANCEL_REJECT) else None
        return self._names.order(name, first(tags, "41"))

    def _made(self, tags: Tags, exec_type: ExecType, order_id: str | None) -> ExecutionReport:
        is_trade, terms = exec_type in _TRADES, exec_type in _SAYS_TERMS
        code = first(tags, "103", "102")
        report = ExecutionReport(
            exec_type=exec_type,
            account=first(tags, "1") or self._account,
            symbol=first(tags, "55") or self._symbol,
            venue=first(tags, "30", "207") or self._venue,
            order_id=order_id,
            execution_id=first(tags, "17") if tags.get("35") == _REPORT else None,
            reference_execution_id=first(tags, "19") if exec_type in (ExecType.BUST, ExecType.CORRECT) else None,
            side=_SIDES.get(tags.get("54", "")),
            quantity=_number(tags, "32") if is_trade else (_number(tags, "38") or None) if terms else None,
            price=_number(tags, "31") if is_trade else _number(tags, "44") if terms else None,
            stop_price=_number(tags, "99") if terms else None,
            order_type=_ORDER_TYPES.get(tags.get("40", "")) if terms else None,
            time_in_force=_TIMES_IN_FORCE.get(tags.get("59", "")) if terms else None,
            cumulative_quantity=_number(tags, "14"),
            fee=_fee(tags) if is_trade else Decimal(0),
            fee_currency=first(tags, "479") if is_trade else None,
            reason=first(tags, "58") or (f"reason code {code}" if code else None),
            timestamp=_time(tags),
        )
        return self._names.completed(report)


def messages(line: bytes, *, checksum: bool = True) -> Iterator[Tags | RejectedRecord]:
    """The messages of a line, and what is wrong with those that are none. A line may have none."""
    begins = list(_BEGIN.finditer(line))
    for at, begin in enumerate(begins):
        end = begins[at + 1].start() if at + 1 < len(begins) else len(line)
        yield _tags(line[begin.start() : end], begin.group(1), checksum=checksum)


def _tags(text: bytes, delimiter: bytes, *, checksum: bool) -> Tags | RejectedRecord:
    body = text.replace(delimiter, _SOH) if delimiter != _SOH else text
    at = body.find(_SOH + b"10=")
    trailer = _CHECKSUM.match(body, at + 1) if at >= 0 else None
    if checksum:
        if trailer is None:
            return RejectedRecord(Reason.MALFORMED, "10: expected a checksum at the end of the FIX message, found none: it is cut off")
        expected = sum(body[: at + 1]) % 256
        if int(trailer.group(1)) != expected:
            return RejectedRecord(
                Reason.MALFORMED,
                f"10: expected checksum {expected:03d}, found {trailer.group(1).decode()} (--ignore-checksum takes the message as it is)",
            )
    tags: dict[str, str] = {}
    for field in body[: at if at >= 0 else len(body)].split(_SOH):
        tag, equals, value = field.partition(b"=")
        if equals and tag.isdigit():
            tags.setdefault(tag.decode(), value.decode("utf-8", "replace").strip())
    if "35" not in tags:
        return RejectedRecord(Reason.MISSING_FIELD, "35: expected a message type, found none")
    return tags


def _exec_type(tags: Tags) -> ExecType | None:
    """None: it moves nothing."""
    kind, transaction = first(tags, "150", "39"), tags.get("20", "0")
    if transaction == "3" or kind in PASSED_OVER:
        return None
    if transaction in ("1", "2"):
        return ExecType.BUST if transaction == "1" else ExecType.CORRECT
    if kind is None:
        raise RejectedRecord(Reason.MISSING_FIELD, "150: expected an ExecType in an execution report, found none")
    if kind not in KINDS:
        raise RejectedRecord(Reason.UNKNOWN_TYPE, f"150: expected an ExecType of FIX 4.4, found {kind[:20]!r}")
    return KINDS[kind]


def _number(tags: Tags, tag: str) -> Decimal | None:
    text = tags.get(tag)
    if not text:
        return None
    if not NUMBER.fullmatch(text):
        raise RejectedRecord(Reason.NUMBER, f"{tag}: expected a number, found {text[:60]!r}")
    return Decimal(text)


def _fee(tags: Tags) -> Decimal:
    """Commission (12) by its type (13): per unit (1), a share of the notional (2; multiplier 1), else as it is (3)."""
    commission, kind = _number(tags, "12"), tags.get("13", "3")
    if not commission:
        return Decimal(0)
    quantity, price = _number(tags, "32"), _number(tags, "31")
    if kind == "3":
        return commission
    if kind not in ("1", "2") or quantity is None or price is None:
        raise RejectedRecord(
            Reason.EXECUTION, f"13: expected a commission per unit (1), in percent (2) or absolute (3), found {kind[:20]!r}"
        )
    with localcontext() as context:
        context.prec = 100
        return commission * quantity if kind == "1" else commission * quantity * price


def _time(tags: Tags) -> str | None:
    """TransactTime (60), else SendingTime (52)."""
    tag = "60" if tags.get("60") else "52"
    text = tags.get(tag)
    if not text:
        return None
    match = _TIME.fullmatch(text)
    if match is None:
        raise RejectedRecord(Reason.TIME, f"{tag}: expected a time such as 20260102-15:04:05.123, found {text[:60]!r}")
    year, month, day, hour, minute, second = (int(part) for part in match.group(1, 2, 3, 4, 5, 6))
    try:
        if hour > 23 or minute > 59 or second > 60:  # 60: a leap second
            raise ValueError
        seconds = timegm((year, month, day, hour, minute, second))
        shown = format_time(seconds * SECOND_NS + int((match.group(7) or "0").ljust(9, "0")))
    except (ValueError, OverflowError):
        shown = ""
    if not shown.startswith(f"{year:04d}-{month:02d}-{day:02d}") and second != 60:
        raise RejectedRecord(Reason.TIME, f"{tag}: expected a date and time that exist, found {text[:60]!r}")
    return shown
