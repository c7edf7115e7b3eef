"""Ticks as JSON, until the codec of ticks takes it over under the same name."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Literal

import msgspec

from schemas.market import WireTick
from schemas.symbols import SYMBOLS
from schemas.ticks import BUY, NO_SEQUENCE, QUOTE, SELL, TRADE, Rows

_KINDS: dict[int, Literal["trade", "quote"]] = {TRADE: "trade", QUOTE: "quote"}
_SIDES: dict[int, Literal["buy", "sell"]] = {BUY: "buy", SELL: "sell"}


class _Shown(WireTick, omit_defaults=True):
    """Absent fields are left out."""


def encode_ticks(rows: Rows) -> list[bytes]:
    """JSON of each row, without what is absent."""
    return list(_encoded(rows.tolist()))


def _encoded(rows: list[Any]) -> Iterator[bytes]:
    encode, names = msgspec.json.Encoder().encode, SYMBOLS.names
    for time, price, size, bid, ask, bid_size, ask_size, sequence, _, _, symbol, _, _, kind, side in rows:
        numbers = [None if math.isnan(number) else number for number in (price, size, bid, ask, bid_size, ask_size)]
        number = None if sequence == NO_SEQUENCE else sequence
        yield encode(_Shown(_KINDS[kind], time, names[symbol], *numbers, sequence=number, side=_SIDES.get(side)))
