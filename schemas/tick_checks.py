"""What a tick must be, and how it is said when it is not: the careful way from bytes to rows, a tick at a time through msgspec.

The compiled scanner takes most ticks past this; what it declines comes here. All reasons and messages are made here.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import msgspec

from schemas.dead_letters import Reason
from schemas.errors import RejectedRecord
from schemas.json_errors import JSON_ERRORS, explained, field_of, found_at, is_json, shown, shown_bytes, without_nan
from schemas.market import WireTick
from schemas.symbols import MAX_SYMBOL_BYTES, SYMBOLS
from schemas.tick_scanner import MAX_RECORD_BYTES
from schemas.ticks import BUY, NO_SEQUENCE, NO_SIDE, NO_SYMBOL, QUOTE, SELL, TRADE, WATERMARK
from schemas.times import parse_time

Values = tuple[int, float, float, float, float, float, float, int, int, int, int, int, int, int, int]
"""The fields of a row in the order of TICK, with 0 for what its record says: offset, partition, index."""

_decode_tick = msgspec.json.Decoder(WireTick).decode
_decode_ticks = msgspec.json.Decoder(list[WireTick]).decode
_decode_parts = msgspec.json.Decoder(list[msgspec.Raw]).decode

_NUMBERS = ("price", "size", "bid", "ask", "bidSize", "askSize", "sequence")
_SIDES = {"buy": BUY, "sell": SELL, None: NO_SIDE}
_MAX_SEQUENCE = 2**63 - 1


def read_record(raw: bytes) -> Iterator[tuple[int, Values | RejectedRecord, bytes]]:
    """Each tick of a record: its index (-1 where the record is one tick), what it is or why it is refused, and its own bytes."""
    if len(raw) > MAX_RECORD_BYTES:
        yield -1, RejectedRecord(Reason.TOO_LARGE, f"expected a record of at most {MAX_RECORD_BYTES} bytes, found {len(raw)} bytes"), raw
    elif not raw:
        yield -1, RejectedRecord(Reason.MALFORMED, "expected a tick or an array of ticks, found an empty record"), raw
    elif raw.lstrip(b" \t\r\n")[:1] == b"[":
        yield from _read_array(raw)
    else:
        yield -1, _read_tick(raw), raw


def _read_array(raw: bytes) -> Iterator[tuple[int, Values | RejectedRecord, bytes]]:
    try:
        ready = [check(tick) for tick in _decode_ticks(raw)]
    except (*JSON_ERRORS, RejectedRecord):
        yield from _read_elements(raw)
    else:
        for index, values in enumerate(ready):
            yield index, values, b""


def _read_elements(raw: bytes) -> Iterator[tuple[int, Values | RejectedRecord, bytes]]:
    """Each element by itself, for the sake of the good ones beside a bad one."""
    text = raw
    try:
        parts = _decode_parts(raw)
    except JSON_ERRORS as error:
        mended = without_nan(raw)
        try:
            parts = _decode_parts(mended or b"")
        except JSON_ERRORS:
            yield -1, RejectedRecord(Reason.MALFORMED, explained(error, raw)), raw
            return
        text = mended or b""
    end = 0
    for index, part in enumerate(parts):
        element = bytes(part)
        start = text.find(element, end)  # only commas and spaces stand between, so the first place is the right one
        end = start + len(element)
        yield index, _read_tick(raw[start:end]), raw[start:end]


def _read_tick(raw: bytes) -> Values | RejectedRecord:
    try:
        return check(_decode_tick(raw))
    except RejectedRecord as rejected:
        return rejected
    except JSON_ERRORS as error:
        return _refusal(raw, error)


def check(tick: WireTick) -> Values:
    """The row of a tick.

    Raises:
        RejectedRecord: it breaks a rule; which.
    """
    time = _time(tick.timestamp)
    if tick.type == "heartbeat":
        nan = math.nan
        return time, nan, nan, nan, nan, nan, nan, NO_SEQUENCE, 0, 0, NO_SYMBOL, 0, 0, WATERMARK, NO_SIDE
    if tick.symbol is None:
        raise _missing("symbol", tick.type)
    if tick.type == "trade":
        kind = TRADE
        if tick.price is None:
            raise _missing("price", tick.type)
    else:
        kind = QUOTE
        if tick.bid is None and tick.ask is None:
            raise _missing("bid or ask", tick.type)
    sequence = NO_SEQUENCE if tick.sequence is None else tick.sequence
    if tick.sequence is not None and not 0 <= sequence <= _MAX_SEQUENCE:
        raise RejectedRecord(Reason.NUMBER, f"expected sequence from 0 to 2**63 - 1, found {shown(sequence)}")
    price, bid, ask = _number("price", tick.price), _number("bid", tick.bid), _number("ask", tick.ask)
    size, bid_size, ask_size = _size("size", tick.size), _size("bidSize", tick.bid_size), _size("askSize", tick.ask_size)
    symbol = _symbol(tick.symbol)
    return time, price, size, bid, ask, bid_size, ask_size, sequence, 0, 0, symbol, 0, 0, kind, _SIDES[tick.side]


def _missing(field: str, kind: str) -> RejectedRecord:
    return RejectedRecord(Reason.MISSING_FIELD, f"expected {field} in a {kind}, found none")


def _time(value: int | str) -> int:
    try:
        return parse_time(value)
    except ValueError as error:
        text = str(error)
        raise RejectedRecord(Reason.TIME, text if len(text) < 200 else f"expected a time, found {shown(value)}") from None


def _symbol(name: str) -> int:
    size = len(name.encode("utf-8", "surrogatepass"))
    if not 1 <= size <= MAX_SYMBOL_BYTES:
        raise RejectedRecord(Reason.SYMBOL, f"expected a symbol of 1 to {MAX_SYMBOL_BYTES} bytes, found {size} bytes: {shown(name)}")
    return SYMBOLS.code(name)


def _number(field: str, value: float | None) -> float:
    if value is None:
        return math.nan
    if not math.isfinite(value):
        raise RejectedRecord(Reason.NUMBER, f"expected a finite number in {field}, found {value}")
    return value


def _size(field: str, value: float | None) -> float:
    size = _number(field, value)
    if size < 0:
        raise RejectedRecord(Reason.NEGATIVE_SIZE, f"expected {field} of 0 or more, found {shown(size)}")
    return size


def _refusal(raw: bytes, error: Exception) -> RejectedRecord:
    """Reason and message for bytes of which msgspec made no tick."""
    if not is_json(raw):  # asked first: msgspec stops at the first wrong field, whatever stands behind it
        mended = without_nan(raw)
        if mended is not None and is_json(mended):
            return RejectedRecord(Reason.NUMBER, f"expected finite numbers, found NaN or Infinity in {shown_bytes(raw)}")
        return RejectedRecord(Reason.MALFORMED, explained(error, raw))
    if not isinstance(error, msgspec.ValidationError):
        return RejectedRecord(Reason.MALFORMED, explained(error, raw))
    field, missing = field_of(error)
    if not field:
        return RejectedRecord(Reason.MALFORMED, f"expected an object, found {shown_bytes(raw)}")
    found = "" if missing else found_at(field, raw)
    if missing or (field in ("type", "timestamp") and found == "null"):
        return RejectedRecord(Reason.MISSING_FIELD, f"expected {field}, found none")
    if field == "type":
        return RejectedRecord(Reason.UNKNOWN_TYPE, f"expected type trade, quote or heartbeat, found {found}")
    reason = Reason.NUMBER if field in _NUMBERS else {"timestamp": Reason.TIME, "symbol": Reason.SYMBOL}.get(field, Reason.MALFORMED)
    return RejectedRecord(reason, explained(error, raw))
