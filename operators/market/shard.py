"""The market operator: one shard's ticks become bars, marks, volatility and price alerts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from operators.market.bands import EDGE
from operators.market.bars import WINDOW
from operators.market.kernel import take_rows
from operators.market.limits import BandBook, Rule, alert, cause_of, rule_of
from operators.market.output import Counts, MarketOutput, MarketSettings
from operators.market.state import (
    GO,
    NEEDS_PARTITION,
    NEEDS_SYMBOL,
    NEWCOMERS,
    REJECT,
    SETTINGS,
    SYMBOL,
    SYMBOL_COUNT,
    blank_due,
    blank_symbols,
    blank_windows,
    grown,
    taken,
)
from operators.market.windows import DUE, lay_out
from schemas.alerts import Alert
from schemas.control import Instrument, Limit
from schemas.errors import RecoveryError, RejectedRecord
from schemas.events import Envelope
from schemas.market_frames import BAR, MARK
from schemas.symbols import SYMBOLS, shard_of
from schemas.ticks import TickFrame
from schemas.times import END_OF_TIME_NS

VERSION = 3
"""Of the snapshot: raise it with every change of a stored dtype. In 2 ``names`` was always a list."""

_LEAST_BARS = 256


class MarketShard:
    """State and operators of the symbols of one shard.

    Args:
        settings: intervals and rules of time.
        shard: its number; limits and instruments of other shards' symbols are then ignored. None: all are its own.
    """

    def __init__(self, settings: MarketSettings, shard: int | None = None) -> None:
        self._settings = settings
        self._shard = shard
        self._layout = lay_out(settings.intervals, settings.lateness_ns)
        self._numbers = np.array([(settings.lateness_ns, settings.quiet_after_ns, settings.ewma_lambda)], SETTINGS)
        self._slots = int(self._layout["slots"].sum())
        self._book = BandBook()
        self._negative: dict[str, None] = {}
        self._ledger: npt.NDArray[np.int64] = np.zeros(10, np.int64)
        self._least_end: npt.NDArray[np.int64] = np.full(8, END_OF_TIME_NS, np.int64)
        self._codes: npt.NDArray[np.int32] = np.zeros(0, np.int32)
        self._stored_names: str | list[str] = ""
        """Names in a snapshot's form, of the symbols there were at the last one: a list would be half its cost."""
        self._stored_count = 0
        self._row_of: npt.NDArray[np.int32] = np.full(1024, -1, np.int32)
        self._symbols = blank_symbols(0)
        self._due = blank_due(0)
        self._windows = blank_windows(0, self._slots)
        self._bars = np.zeros(max(_LEAST_BARS, 2 * self._slots), BAR)
        self._edges = np.zeros(64, EDGE)
        self._make_room(64)

    def __len__(self) -> int:
        """How many symbols there are."""
        return int(self._ledger[SYMBOL_COUNT])

    def on_frame(self, frame: TickFrame) -> MarketOutput:
        """Apply the rows of a frame in their order."""
        rows, ledger = frame.rows, self._ledger
        if not rows.flags.c_contiguous:
            rows = np.ascontiguousarray(rows)
        if len(rows) > len(self._touched):
            self._make_room(len(rows))
        if len(SYMBOLS.names) > len(self._row_of):
            self._know(len(SYMBOLS.names))
        ledger[:SYMBOL_COUNT] = 0
        at, needs = self._take(rows, 0)
        while needs != GO:
            self._provide(needs, rows[at])
            at, needs = self._take(rows, at)
        bars, touched, edges, rejects, out, late, dead, moved, _, _ = ledger.tolist()
        return MarketOutput(
            bars=taken(self._bars, bars),
            marks=taken(self._marks, touched),
            alerts=self._alerts(edges) if edges else [],
            rejects=taken(self._rejects, rejects),
            rejected=rows[self._rejects[:rejects]["row"]] if rejects else rows[:0],
            counts=Counts(out + late + dead, out, late, dead, moved),
        )

    def on_limit(self, limit_id: str, limit: Limit | None) -> list[Envelope[Alert]]:
        """Put a limit in force, change it or (None, or disabled) end it; what that says of present values.

        An alert's cause is the tick that made the values. A limit that is no price band ends the band that had its id.

        Raises:
            RejectedRecord: it cannot be put in force; the one before stays.
        """
        rule = rule_of(limit_id, limit)
        if rule is not None and rule.symbol is not None and not self._is_ours(rule.symbol):
            rule = None
        standing = self._book.bands_of(limit_id)
        kept = {name: at for name, at in standing.items() if rule is not None and rule.symbol in (None, name)}
        alerts = self._end(limit_id, [name for name in standing if name not in kept], rule)
        if rule is None:
            self._book.forget_rule(limit_id)
            return alerts
        self._book.set_rule(rule)
        names = self._names() if rule.symbol is None else [rule.symbol]
        for name in names:
            row = self._row(name)
            if row >= 0:
                at = kept[name] if name in kept else self._book.add(rule, name, self._symbols[row])
                alerts += self._judge_now(rule, name, at, self._symbols[row])
        return alerts

    def on_instrument(self, symbol: str, instrument: Instrument | None) -> None:
        """Learn whether prices below zero are prices. An instrument that is deleted has the defaults."""
        if not self._is_ours(symbol):
            return
        allowed = instrument is not None and instrument.allow_negative
        if allowed:
            self._negative[symbol] = None
        else:
            self._negative.pop(symbol, None)
        row = self._row(symbol)
        if row >= 0:
            self._symbols[row]["allow_negative"] = allowed

    def adopt(self, published: Iterable[Envelope[Alert]]) -> None:
        """After ``restore``: take as said the alerts that were published since the snapshot, so that none is said twice."""
        self._book.adopt(published)

    def snapshot(self) -> dict[str, Any]:
        """All that is remembered, as plain data: names instead of codes, arrays as bytes."""
        count = len(self)
        return {
            "version": VERSION,
            "intervals": list(self._settings.intervals),
            "lateness_ns": self._settings.lateness_ns,
            "names": self._names_to_store(),
            "symbols": self._symbols[:count].tobytes(),
            "due": self._due[:count].tobytes(),
            "windows": self._windows[:count].tobytes(),
            "least_end": self._least_end.tobytes(),
            "negative": list(self._negative),
            "bands": self._book.dump(),
        }

    def restore(self, stored: dict[str, Any]) -> None:
        """Continue from a snapshot; only on a shard that has seen nothing.

        Raises:
            RecoveryError: it is of another version, or of other intervals or another lateness.
        """
        version = VERSION if stored.get("version") == 2 else stored.get("version")
        expected = (VERSION, list(self._settings.intervals), self._settings.lateness_ns)
        found = (version, stored.get("intervals"), stored.get("lateness_ns"))
        if found != expected:
            raise RecoveryError(
                f"expected stored bars of version, intervals and lateness {expected}, found {found}",
                hint="set market.intervals and market.lateness as they were, or start over with another recovery store",
            )
        names = stored["names"]
        if isinstance(names, str):
            names = names.split("\n") if names else []
        self._codes = np.array([SYMBOLS.code(name) for name in names], np.int32)
        self._know(len(SYMBOLS.names))
        self._row_of[self._codes] = np.arange(len(names), dtype=np.int32)
        self._symbols = np.frombuffer(bytearray(stored["symbols"]), SYMBOL)
        self._due = np.frombuffer(bytearray(stored["due"]), DUE)
        self._windows = np.frombuffer(bytearray(stored["windows"]), WINDOW).reshape(len(names), self._slots)
        self._least_end = np.frombuffer(bytearray(stored["least_end"]), np.int64)
        self._negative = dict.fromkeys(stored["negative"])
        self._ledger[SYMBOL_COUNT] = len(names)
        self._book.load(stored["bands"])

    def _take(self, rows: npt.NDArray[np.void], at: int) -> tuple[int, int]:
        at, needs = take_rows(
            rows,
            at,
            self._layout,
            self._numbers,
            self._symbols,
            self._due,
            self._windows,
            self._codes,
            self._row_of,
            self._least_end,
            self._book.tapes,
            self._book.bands,
            self._bars,
            self._marks,
            self._touched,
            self._edges,
            self._rejects,
            self._newcomers,
            self._ledger,
        )
        return at, needs

    def _provide(self, needs: int, row: np.void) -> None:
        """Give a kernel what it stopped for."""
        if needs == NEEDS_PARTITION:
            more = np.full(2 * int(row["partition"]) + 2 - len(self._least_end), END_OF_TIME_NS, np.int64)
            self._least_end = np.concatenate([self._least_end, more])
        elif needs == NEEDS_SYMBOL:
            self._admit(self._newcomers[: self._ledger[NEWCOMERS]])
        else:
            self._bars = grown(self._bars, np.zeros_like(self._bars))
            self._edges = grown(self._edges, np.zeros_like(self._edges))

    def _admit(self, codes: npt.NDArray[np.int32]) -> None:
        """Give new symbols their rows, and the bands that they fall under."""
        first, count = len(self), len(self) + len(codes)
        if count > len(self._symbols):
            more = max(64, count, 2 * len(self._symbols)) - len(self._symbols)
            self._symbols = grown(self._symbols, blank_symbols(more))
            self._due = grown(self._due, blank_due(more))
            self._windows = grown(self._windows, blank_windows(more, self._slots))
            self._codes = np.concatenate([self._codes, np.zeros(more, np.int32)])
        self._codes[first:count] = codes
        self._row_of[codes] = np.arange(first, count, dtype=np.int32)
        self._ledger[SYMBOL_COUNT] = count
        for row, code in enumerate(codes.tolist(), first):
            name = SYMBOLS.names[code]
            if name in self._negative:
                self._symbols[row]["allow_negative"] = True
            for rule in self._book.rules_for(name):
                self._book.add(rule, name, self._symbols[row])

    def _make_room(self, rows: int) -> None:
        rows = 1 << (rows - 1).bit_length()
        self._marks = np.zeros(rows, MARK)
        self._touched = np.zeros(rows, np.int32)
        self._rejects = np.zeros(rows, REJECT)
        self._newcomers = np.zeros(rows, np.int32)

    def _know(self, codes: int) -> None:
        more = max(codes, 2 * len(self._row_of)) - len(self._row_of)
        self._row_of = np.concatenate([self._row_of, np.full(more, -1, np.int32)])

    def _names(self) -> list[str]:
        return [SYMBOLS.names[code] for code in self._codes[: len(self)].tolist()]

    def _names_to_store(self) -> str | list[str]:
        """One text with a name a line; a list if a name has a line's end in it."""
        if self._stored_count != len(self):
            names = self._names()
            self._stored_names = "\n".join(names) if "\n" not in "".join(names) else names
            self._stored_count = len(names)
        return list(self._stored_names) if isinstance(self._stored_names, list) else self._stored_names

    def _row(self, name: str) -> int:
        """The row of a symbol; -1 before its first tick, and of a name that no tick can have."""
        try:
            code = SYMBOLS.code(name)
        except RejectedRecord:
            return -1
        return int(self._row_of[code]) if code < len(self._row_of) else -1

    def _is_ours(self, symbol: str) -> bool:
        return self._shard is None or shard_of(symbol.encode("utf-8", "surrogatepass")) == self._shard

    def _alerts(self, count: int) -> list[Envelope[Alert]]:
        alerts = []
        for edge in self._edges[:count]:
            rule, symbol = self._book.rule_at(int(edge["band"]))
            cause = cause_of(int(edge["partition"]), int(edge["offset"]), int(edge["index"]))
            alerts.append(alert(rule, symbol, int(edge["episode"]), bool(edge["breach"]), float(edge["value"]), int(edge["time"]), cause))
        return alerts

    def _judge_now(self, rule: Rule, name: str, at: int, symbol: np.void) -> list[Envelope[Alert]]:
        breached, value = self._book.value_now(at, symbol)
        if breached == self._book.told(at)[1] or self._book.is_muted(at, symbol):
            return []
        return [self._said_now(rule, name, self._book.turn(at, breached), breached, value)]

    def _said_now(self, rule: Rule, name: str, episode: int, breached: bool, value: float) -> Envelope[Alert]:
        row = self._row(name)
        symbol = self._symbols[row]
        cause = cause_of(int(self._due[row]["partition"]), int(symbol["offset"]), int(symbol["index"]))
        return alert(rule, name, episode, breached, value, int(symbol["time"]), cause)

    def _end(self, limit_id: str, names: list[str], rule: Rule | None) -> list[Envelope[Alert]]:
        """Take bands away. A breach that was said gets its clear, muted or not, for nobody else will say it."""
        alerts = []
        for name in names:
            at, symbol = self._book.bands_of(limit_id)[name], self._symbols[self._row(name)]
            episode, breached, *_ = self._book.told(at)
            if breached:
                self._book.turn(at, False)
                alerts.append(self._said_now(self._book.rule_at(at)[0], name, episode, False, self._book.value_now(at, symbol)[1]))
            self._book.remove(limit_id, name, symbol)
        for name, (episode, _, partition, offset, index) in self._book.breaches_of(limit_id).items():
            if rule is None or rule.symbol not in (None, name):
                self._book.forget_breach(limit_id, name)
                gone = Rule(limit_id, name, 0.0, 0.0)  # adopted, then deleted before its band could stand
                time_ns = int(self._symbols[self._row(name)]["time"]) if self._row(name) >= 0 else 0
                alerts.append(alert(gone, name, episode, False, 0.0, time_ns, cause_of(partition, offset, index)))
        return alerts
