"""The codec of ``market.ticks``: a batch of JSON records to rows and rejects, and rows back to JSON."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import msgspec
import numpy as np
import numpy.typing as npt

from schemas.bus import Batch, Int64s
from schemas.dead_letters import Reason, Reject
from schemas.errors import RejectedRecord
from schemas.json_bytes import READ_AHEAD
from schemas.market import WireTick
from schemas.symbols import SYMBOLS
from schemas.tick_checks import Values, read_record
from schemas.tick_fields import NEW_SYMBOL
from schemas.tick_scanner import LEAST_TICK_BYTES, scan
from schemas.ticks import BUY, NO_SEQUENCE, QUOTE, SELL, TICK, TRADE, WATERMARK, Rows


@dataclass(frozen=True, slots=True, eq=False)
class DecodedTicks:
    """What a batch holds. Each tick of it is one row or one reject; an array without elements is neither."""

    rows: Rows
    """Shape (n,), dtype TICK, in record order; ``watermark`` is 0. A heartbeat is a WATERMARK row. Owned by the receiver."""
    rejects: list[Reject]
    """In record order."""
    records: int
    declined: int
    """Records that the compiled scanner left to msgspec."""

    @property
    def ticks(self) -> int:
        """Good and bad ones."""
        return len(self.rows) + len(self.rejects)


class TickDecoder:
    """Decodes batches; new symbols are added to ``schemas.symbols.SYMBOLS``. Not thread-safe: one owner."""

    def __init__(self) -> None:
        self._tick_bytes = 128.0  # what a tick took in the batch before, for room in the next one

    def decode(self, batch: Batch) -> DecodedTicks:
        """Rows and rejects of a batch. Raises nothing on account of what the records hold."""
        scanned = _Scan(batch, self._tick_bytes)
        scanned.run()
        rows, rejects = scanned.rows, list[Reject]()
        rows.resize(scanned.count, refcheck=False)  # in place, nothing else refers to it
        if scanned.refused:
            rows = _with_declined(batch, rows, scanned.declined[: scanned.refused], rejects)
        if len(rows):
            self._tick_bytes = len(batch.data) / len(rows)
        return DecodedTicks(rows, rejects, len(batch), scanned.refused)


class _Scan:
    """One run of the compiled scanner over a batch."""

    def __init__(self, batch: Batch, tick_bytes: float) -> None:
        self.batch = batch
        self.columns = [_read_only(column) for column in (batch.ends, batch.partition, batch.offset)]
        room = len(batch.data) / max(tick_bytes, LEAST_TICK_BYTES)
        self.rows: Rows = np.empty(max(len(batch), int(room * 1.02)) + 1, TICK)
        self.declined: Int64s = np.empty((len(batch), 2), np.int64)
        self.count = self.refused = 0
        self.full = False

    def run(self) -> None:
        data, ends = self.batch.data, self.batch.ends
        inner = int(np.searchsorted(ends, len(data) - READ_AHEAD, "right"))
        self._part(_read_only(data), 0, 0, inner)
        if inner < len(ends):  # the scanner reads ahead: behind the last records it gets room
            shift = int(ends[inner - 1]) if inner else 0
            tail = np.zeros(len(data) - shift + READ_AHEAD, np.uint8)
            tail[: len(data) - shift] = data[shift:]
            self._part(_read_only(tail), shift, inner, len(ends))

    def _part(self, data: npt.NDArray[np.uint8], shift: int, record: int, last: int) -> None:
        ends, partition, offset = self.columns
        while record < last and not self.full:
            begin = self.count
            slots, words, name_ends, arena = SYMBOLS.flat
            record, self.count, self.refused, fresh = scan(
                data, shift, ends, partition, offset, record, last,
                self.rows.view(np.uint8), self.count, self.declined, self.refused,
                slots.view(np.uint8), words.view(np.uint8), name_ends, arena,
            )  # fmt: skip
            if fresh:
                self._intern(data, begin)
            if record < last and not self.full:
                self._grow(record)

    def _grow(self, record: int) -> None:
        """Room for twice as many, and for whatever the record that did not fit may hold."""
        begin, end = int(self.batch.ends[record - 1]) if record else 0, int(self.batch.ends[record])
        rows = np.empty(2 * len(self.rows) + (end - begin) // LEAST_TICK_BYTES + 1, TICK)
        rows[: self.count] = self.rows[: self.count]
        self.rows = rows

    def _intern(self, data: npt.NDArray[np.uint8], begin: int) -> None:
        """Give rows of symbols that the table did not have their codes."""
        rows = self.rows[begin : self.count]
        fresh = np.flatnonzero(rows["symbol"] == NEW_SYMBOL)
        codes: list[int] = []
        text = data.data
        for where in rows["watermark"][fresh].tolist():
            name = str(text[where >> 8 : (where >> 8) + (where & 0xFF)], "ascii")
            try:
                codes.append(SYMBOLS.code(name))
            except RejectedRecord:
                codes.append(NEW_SYMBOL)
        rows["symbol"][fresh] = codes
        rows["watermark"][fresh] = 0
        if NEW_SYMBOL in codes:
            self._decline_all()

    def _decline_all(self) -> None:
        """The table is full, and rows do not know their records: let the careful path say which ticks are refused."""
        self.count, self.refused = 0, len(self.batch)
        self.declined[:, 0], self.declined[:, 1] = np.arange(self.refused), 0
        self.full = True


def _read_only(column: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """A view in the one form for which the scanner is compiled."""
    view = np.ascontiguousarray(column).view()
    view.flags.writeable = False
    return view


def _with_declined(batch: Batch, rows: Rows, declined: Int64s, rejects: list[Reject]) -> Rows:
    """Read declined records the careful way and put their rows where they belong; bad ticks are added to ``rejects``."""
    found: list[Values] = []
    origins: list[tuple[int, int]] = []  # record and index of each
    places: list[int] = []
    for record, place in declined.tolist():
        for index, values, payload in read_record(batch.value(record)):
            if isinstance(values, RejectedRecord):
                rejects.append(_reject(batch, record, index, values, payload))
            else:
                found.append(values)
                origins.append((record, index))
                places.append(place)
    if not found:
        return rows
    extra = np.array(found, TICK)
    of_record, extra["index"] = np.array(origins, np.int64).T
    extra["offset"], extra["partition"] = batch.offset[of_record], batch.partition[of_record]
    merged: Rows = np.insert(rows, places, extra)
    return merged


def _reject(batch: Batch, record: int, index: int, refusal: RejectedRecord, payload: bytes) -> Reject:
    return Reject(
        topic=batch.topic,
        partition=int(batch.partition[record]),
        offset=int(batch.offset[record]),
        index=index,
        reason=Reason(refusal.reason),
        detail=str(refusal),
        payload=payload,
        first_seen_ns=int(batch.timestamp_ms[record]) * 1_000_000,
    )


_encode = msgspec.json.Encoder().encode
_KINDS: dict[int, Literal["trade", "quote", "heartbeat"]] = {TRADE: "trade", QUOTE: "quote", WATERMARK: "heartbeat"}
_SIDES: dict[int, Literal["buy", "sell"]] = {BUY: "buy", SELL: "sell"}


def encode_tick(row: np.void) -> bytes:
    """Canonical JSON of one row: absent fields are left out, numbers are the shortest that read back the same."""
    return next(_encoded([row.item()]))


def encode_ticks(rows: Rows) -> list[bytes]:
    """Canonical JSON of each row."""
    return list(_encoded(rows.tolist()))


def _encoded(rows: list[Any]) -> Iterator[bytes]:
    names = SYMBOLS.names
    for time, price, size, bid, ask, bid_size, ask_size, sequence, _, _, symbol, _, _, kind, side in rows:
        if kind == WATERMARK:
            yield _encode(WireTick("heartbeat", time))
            continue
        yield _encode(
            WireTick(
                _KINDS[kind],
                time,
                names[symbol],
                _given(price),
                _given(size),
                _given(bid),
                _given(ask),
                _given(bid_size),
                _given(ask_size),
                sequence if sequence != NO_SEQUENCE else None,
                _SIDES.get(side),
            )
        )


def _given(number: float) -> float | None:
    return None if math.isnan(number) else number
