"""P&L from columns to the wire: keys and encoded envelopes, a batch at a time.

``pnl_event`` says what an event holds; ``encode_pnl`` writes the same bytes (a property test) without making an object for each.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from threading import Lock
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from schemas.bus import Column
from schemas.event_layout import INTEGER, NAME, NUMBER, TIME, Layout, Names
from schemas.events import LANES, Envelope, EventType, Header
from schemas.interning import ACCOUNTS, CURRENCIES, REASONS
from schemas.outgoing import Outgoing
from schemas.pnl_frames import PNL, Pnl, joined_pnl
from schemas.portfolio import PnlChange
from schemas.symbols import SYMBOLS
from schemas.times import format_time

SOURCE = "portfolio"

_encode = msgspec.json.encode


def pnl_event(row: np.void) -> Envelope[PnlChange]:
    """One row of dtype PNL as an event. Its id names the position's version and its mark; its cause is the mark's tick."""
    account, symbol = ACCOUNTS.names[row["account"]], SYMBOLS.names[row["symbol"]]
    mark = f"{row['mark_time']}|{row['repeat']}"
    header = Header(
        event_id=f"pnl|{account}|{symbol}|{row['version']}|{mark}",
        correlation_id=f"tick|{symbol}|{mark}",
        event_type=EventType.PNL_CHANGE.value,
        priority=int(LANES[EventType.PNL_CHANGE]),
        timestamp=format_time(int(row["time"])),
        source=SOURCE,
    )
    payload = PnlChange(
        account=account,
        symbol=symbol,
        quantity=float(row["quantity"]),
        average_price=_known(row["average"]),
        mark=_known(row["mark"]),
        unrealized_pnl=_known(row["unrealized"]),
        realized_pnl=_known(row["realized"]),
        total_pnl=_known(row["unrealized"] + row["realized"]),
        currency=CURRENCIES.names[row["currency"]],
        version=int(row["version"]),
        reason=reason_of(row),
    )
    return Envelope(header, payload)


def reason_of(row: np.void) -> str | None:
    """Why a value of an open position, or its realised P&L, is unknown; None: all are known."""
    symbol, said = SYMBOLS.names[row["symbol"]], []
    if math.isnan(row["mark"]) and row["quantity"] != 0:
        said.append(f"{symbol} has had no quote, trade or bar")
    elif not math.isfinite(row["unrealized"]):
        said.append(f"{symbol} has no P&L at this mark")
    if row["reason"] >= 0:
        said.append(REASONS.names[row["reason"]])
    elif not math.isfinite(row["realized"]):
        said.append(f"the realised P&L of {symbol} is unknown")
    return "; ".join(said) or None


def _known(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


class _Texts:
    """Of accounts, symbols and currencies the names within a JSON text and as bytes, and of reasons the whole JSON text, in one table."""

    _TABLES: tuple[Any, ...] = (ACCOUNTS, SYMBOLS, CURRENCIES)

    def __init__(self) -> None:
        self.texts = Names()
        self.keys = Names()
        self.places: list[npt.NDArray[np.int64]] = [np.zeros(64, np.int64) for _ in self._TABLES]
        self._known = [0 for _ in self._TABLES]
        self._reasons: dict[str, int] = {}
        self._count = 0
        self._lock = Lock()
        self.no_reason = self._add(b"null", b"")

    def learn(self) -> None:
        """Know all names that there are. Any thread may call it."""
        if all(known == len(table.names) for known, table in zip(self._known, self._TABLES, strict=True)):
            return
        with self._lock:
            for at, table in enumerate(self._TABLES):
                names = table.names[self._known[at] :]
                more = self._known[at] + len(names) - len(self.places[at])
                if more > 0:
                    self.places[at] = np.concatenate([self.places[at], np.zeros(more + len(self.places[at]), np.int64)])
                for code, name in enumerate(names, self._known[at]):
                    self.places[at][code] = self._add(_encode(name)[1:-1], name.encode("utf-8", "replace"))
                self._known[at] += len(names)

    def reason(self, text: str | None) -> int:
        """The place of a reason."""
        if text is None:
            return self.no_reason
        with self._lock:
            if text not in self._reasons:
                self._reasons[text] = self._add(_encode(text), b"")
            return self._reasons[text]

    def _add(self, text: bytes, key: bytes) -> int:
        self.texts.add(text)
        self.keys.add(key)
        self._count += 1
        return self._count - 1


_TEXTS = _Texts()
_ACCOUNT, _SYMBOL, _CURRENCY, _REASON, _VERSION, _MARK_TIME, _REPEAT, _TIME = range(8)
_KEY = Layout((NAME, _ACCOUNT), b"|", (NAME, _SYMBOL))
_MARK = ((NAME, _SYMBOL), b"|", (INTEGER, _MARK_TIME), b"|", (INTEGER, _REPEAT))
_NAMED_MARK = ((NAME, _SYMBOL), b"|", (INTEGER, _VERSION), b"|", (INTEGER, _MARK_TIME), b"|", (INTEGER, _REPEAT))
_NUMBERS = (b'","quantity":', b',"averagePrice":', b',"mark":', b',"unrealizedPnl":', b',"realizedPnl":', b',"totalPnl":')
_PNL = Layout(
    b'{"header":{"eventId":"pnl|',
    (NAME, _ACCOUNT),
    b"|",
    *_NAMED_MARK,
    b'","correlationId":"tick|',
    *_MARK,
    f'","eventType":"{EventType.PNL_CHANGE.value}","priority":{int(LANES[EventType.PNL_CHANGE])},"timestamp":"'.encode(),
    (TIME, _TIME),
    f'","source":"{SOURCE}","version":"1"}},"payload":{{"account":"'.encode(),
    (NAME, _ACCOUNT),
    b'","symbol":"',
    (NAME, _SYMBOL),
    *(part for name in _NUMBERS for part in (name, NUMBER)),
    b',"currency":"',
    (NAME, _CURRENCY),
    b'","version":',
    (INTEGER, _VERSION),
    b',"reason":',
    (NAME, _REASON),
    b'},"targetService":null}',
)


def encode_pnl(rows: Pnl) -> tuple[Column, Column]:
    """Message keys (account and symbol) and events of rows: what ``pnl_event`` says, as bytes."""
    _TEXTS.learn()
    integers = np.empty((8, len(rows)), np.int64)
    for place, column in enumerate(("account", "symbol", "currency")):
        integers[place] = _TEXTS.places[place][rows[column]]
    for place, column in enumerate(("version", "mark_time", "repeat", "time"), _VERSION):
        integers[place] = rows[column]
    numbers = np.empty((len(rows), len(_NUMBERS)))
    for place, column in enumerate(("quantity", "average", "mark", "unrealized", "realized")):
        numbers[:, place] = rows[column]
    np.add(numbers[:, 3], numbers[:, 4], out=numbers[:, 5])
    integers[_REASON] = _TEXTS.no_reason
    for at in np.flatnonzero(~np.isfinite(numbers).all(axis=1)).tolist():
        integers[_REASON, at] = _TEXTS.reason(reason_of(rows[at]))
    return _KEY.column(integers, _TEXTS.keys), _PNL.column(integers, _TEXTS.texts, numbers)


def pnl_outgoing(parts: Sequence[Pnl]) -> Outgoing:
    """PNL_CHANGE events as a writer takes them, placed by account."""
    rows = joined_pnl(parts)
    keys, values = encode_pnl(rows)
    return Outgoing("portfolio.pnl", keys, values, ACCOUNTS.key_hash[rows["account"]], rows["offset"], rows["time"])


def compile_kernels() -> None:
    """Compile what ``encode_pnl`` calls."""
    encode_pnl(np.empty(0, PNL))
