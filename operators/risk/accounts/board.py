"""The numbers of some accounts (or of the firm, which is like one), the limits on them, and what is said of them.

Inputs change the book of exposures, balances and bars; ``evaluate`` then makes the numbers anew of what was touched, ``judge`` holds them
against the limits, ``say`` tells those that are due.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any

import numpy as np
import numpy.typing as npt

from operators.market.state import grown, taken
from operators.risk.accounts.exposures import BARS, ExposureBook, place_of
from operators.risk.accounts.limit_table import LimitTable, Watched
from operators.risk.accounts.said import Figures, exposure_event, margin_event
from operators.risk.accounts.statistics import Statistics
from operators.risk.accounts.values import BALANCE, COLUMN, COLUMNS, SCALES, STATISTICS, set_values
from operators.risk.edges import Cause, cause_of_balance, cause_of_record
from operators.risk.episodes import Edge, Episodes
from operators.risk.keys import Key
from operators.risk.settings import RiskFlowSettings
from schemas.control import Limit
from schemas.events import NOWHERE, Event, Place
from schemas.market_frames import Bars
from schemas.portfolio import BalanceUpdate
from schemas.risk import ExposureUpdate, MarginUpdate
from schemas.risk_frames import DayBegan
from schemas.times import DAY_NS, END_OF_TIME_NS

_FEW = 4
"""So many balances are cheaper one by one than as arrays."""

_MOVED = 0.01
"""Equity that moved by more than this fraction makes statistics stale: they are fractions of it."""


_LATE_NS = 60_000_000_000
"""A balance that is so much older than the day that has begun speaks of the day before; nothing of the new one is known from it."""


class RiskBoard:
    """Of the accounts of a shard, or of the firm.

    Attributes:
        now_ns: largest event time so far.
    """

    def __init__(self, settings: RiskFlowSettings, episodes: Episodes, *, of_firm: bool = False) -> None:
        self.book = ExposureBook(settings.pivot, settings.pivot if of_firm else settings.currency)
        self.statistics = Statistics(settings, self.book)
        self.now_ns = 0
        self._settings, self._episodes, self._of_firm = settings, episodes, of_firm
        self._table = LimitTable(self.book, episodes)
        self._balances = np.zeros(0, BALANCE)
        self._computed_with = np.zeros(0)
        self._values = np.zeros((0, len(COLUMNS)))
        self._reasons: dict[int, str | None] = {}
        self._changed: dict[int, None] = {}
        self._dirty: dict[int, None] = {}
        self._said: dict[int, tuple[int, Figures]] = {}
        self._cell = -1
        self._due = True
        self._day, self._day_began = -1, False
        self._causes: dict[int, Cause | Event[BalanceUpdate]] = {}
        self._cause: Cause | None = None
        self._last: Cause | Place = Cause(0, "", NOWHERE)

    @property
    def latest(self) -> Cause:
        """What came last, at the latest time."""
        last = self._last
        return cause_of_record(self.now_ns, last) if isinstance(last, Place) else last._replace(time_ns=self.now_ns)

    def pass_time(self, cause: Cause) -> None:
        """Event time has come so far."""
        self.now_ns, self._last = max(self.now_ns, cause.time_ns), cause

    def _pass_record(self, time_ns: int, place: Place) -> None:
        """The same, because of a record, whose name is made when it is asked for."""
        self.now_ns, self._last = max(self.now_ns, time_ns), place

    def begins_day(self, time_ns: int) -> bool:
        """Whether ``pass_day`` would begin one."""
        return time_ns // DAY_NS > self._day

    def pass_day(self, time_ns: int) -> None:
        """Something of this time came, of any symbol or account: at the first of a day (UTC) no account has lost anything in it yet.

        Controls move no day: they may be of another time than what is replayed.
        """
        day = time_ns // DAY_NS
        if day > self._day:
            self._day_began = self._day_began or self._day >= 0
            if self._day >= 0:
                begin_day(self._balances["day"])
                begin_day(self._values[:, COLUMN["daily_loss"]])
            self._day = day

    def took_day(self) -> bool:
        """Whether a day began since this was asked last."""
        began, self._day_began = self._day_began, False
        return began

    def of_today(self, day_pnl: float | None, time_ns: int) -> float | None:
        """The P&L of the day that a balance says; of one that comes late, just after the day's end, none."""
        return 0.0 if day_pnl is not None and 0 < self._day * DAY_NS - time_ns <= _LATE_NS else day_pnl

    def caused(self, cause: Cause, row: int | None = None) -> None:
        """What this input makes of an account, or of all, is because of that."""
        if row is None:
            self._cause = cause
        else:
            self._causes[row] = cause
        self.pass_time(cause)

    def cause(self, row: int) -> Cause:
        """Of what is said of an account now."""
        known = self._causes.get(row) or self._cause
        if known is not None:
            return cause_of_balance(known) if isinstance(known, Event) else known
        time_ns, place = self.book.cause(row)
        return cause_of_record(time_ns if time_ns >= 0 else self.now_ns, place)

    def on_marks(self, marks: npt.NDArray[np.void]) -> None:
        """Take marks of symbols, dtype SYMBOL_MARK."""
        if len(marks):
            last = marks[self.book.on_marks(marks)]
            self._pass_record(last["time"].item(), place_of(last["partition"].item(), last["offset"].item()))

    def on_day(self, day: DayBegan) -> None:
        """Take a day of the ticks."""
        self.pass_time(cause_of_record(day.time_ns, day.place))
        self.pass_day(day.time_ns)

    def on_bars(self, bars: Bars) -> bool:
        """Take bars; whether statistics are to be made anew."""
        if len(bars):
            self._pass_record(int(bars["end"].max()), Place(BARS, 0, int(bars["offset"][-1])))
            self.pass_day(int(bars["end"].max()))
        return self.statistics.on_bars(bars)

    def set_balances(self, events: Mapping[int, Event[BalanceUpdate]]) -> None:
        """What the accounts of these rows are worth, each as an event says it; none of them begins a day."""
        if len(events) <= _FEW:
            for row, event in events.items():
                self._set_one(row, event)
            return
        self._reserve()
        rows, balances = np.fromiter(events, np.int64, len(events)), [event.payload for event in events.values()]
        times: npt.NDArray[np.int64] = np.fromiter([event.time_ns for event in events.values()], np.int64, len(events))
        self.book.touch_all(rows, times)
        self._causes.update(events)
        *_, last = events.values()
        cause = cause_of_balance(last)
        self.pass_time(cause._replace(time_ns=int(times.max())))
        equity = np.array([balance.equity for balance in balances], np.float64)
        self._balances["equity"][rows] = equity
        self._balances["high"][rows] = np.array([balance.high_water_mark for balance in balances], np.float64)
        self._balances["day"][rows] = np.array(
            [self.of_today(event.payload.day_pnl, event.time_ns) for event in events.values()], np.float64
        )
        self._reasons.update((row, _reason(balance)) for row, balance in zip(events, balances, strict=True))
        self._changed.update(dict.fromkeys(events))
        before = self._computed_with[rows]
        moved = (np.isnan(before) != np.isnan(equity)) | (np.abs(equity - before) > _MOVED * np.abs(before))
        if moved.any():
            self.statistics.stale(rows[moved].tolist())

    def _set_one(self, row: int, event: Event[BalanceUpdate]) -> None:
        balance = event.payload
        self.book.touch(row, event.time_ns)
        self.caused(cause_of_balance(event), row)
        day = self.of_today(balance.day_pnl, event.time_ns)
        self.set_balance(row, balance.equity, balance.high_water_mark, day, _reason(balance))

    def set_balance(self, row: int, equity: float | None, high: float | None, day: float | None, reason: str | None) -> None:
        """What an account is worth, its high-water mark and its P&L of the day; None: unknown, as ``reason`` says."""
        self._reserve()
        before = self._computed_with.item(row)
        self._balances[row] = tuple(math.nan if number is None else number for number in (equity, high, day))
        self._reasons[row] = reason
        self._changed[row] = None
        now = math.nan if equity is None else equity
        if math.isnan(before) != math.isnan(now) or abs(now - before) > _MOVED * abs(before):
            self.statistics.stale([row])

    def watch(self, watched: Iterable[Watched]) -> None:
        """These limits are in force."""
        self._reserve()
        limits = list(watched)
        self._table.set(limits)
        self.book.watch([one.row for one in limits])

    def evaluate(self, time_ns: int = -1, *, everything: bool = False) -> bool:
        """Make the numbers anew of what was touched, and the statistics of what is stale and due; whether anything was.

        Where many accounts are touched and not to be said yet, those that no limit stands on wait.
        """
        self._reserve()
        self._due = self._is_due(self.book.touched + len(self._changed) + len(self._dirty), time_ns)
        touched = self.book.evaluate(everything=everything or self._due)
        changed = list(dict.fromkeys([*touched, *self._changed]))
        self._changed.clear()
        if changed:
            set_values(np.array(changed), self.book.sums, self._balances, self._values)
            self._dirty.update(dict.fromkeys(changed))
        due = self.statistics.due(max(time_ns, self.now_ns))
        if due:
            self._computed_with[due] = self._balances["equity"][due]
            self.statistics.compute(due, self._computed_with)
            self._values[due, STATISTICS:] = self.statistics.numbers[due, : len(COLUMNS) - STATISTICS]
            self._dirty.update(dict.fromkeys(due))
        return bool(changed or due)

    def judge(self) -> Iterator[Edge]:
        """The edges that the numbers pass."""
        for one, value in self._table.passed(self._values):
            edge = self._judge(one, value)
            if edge:
                yield edge

    def judge_one(self, one: Watched) -> Edge | None:
        """Hold the present numbers against a limit that has just come."""
        return self._judge(one, self._table.value(one, self._values))

    def judge_number(self, limit: Limit, key: Key, row: int) -> Edge | None:
        """Hold an account's balance, as it was set, against a limit of the rules OF_BALANCE."""
        set_values(np.array([row]), self.book.sums, self._balances, self._values)
        return self._judge(Watched(limit, key, row, -1), float(self._values[row, COLUMN[limit.rule]]))

    def _judge(self, one: Watched, value: Decimal | float) -> Edge | None:
        return self._episodes.judge(one.limit.limit_id, one.key, value, self.cause(one.row), SCALES.get(one.limit.rule, 0.0))

    def say(self) -> list[Event[ExposureUpdate] | Event[MarginUpdate]]:
        """What changed, if it was due when it was evaluated; ends the input."""
        said: list[Event[ExposureUpdate] | Event[MarginUpdate]] = []
        if self._due:
            self._cell = self.now_ns // max(self._settings.conflate_ns, 1)
            for row in self._dirty:
                said += self._tell(row)
            self._dirty.clear()
        self._causes.clear()
        self._cause = None
        return said

    def _is_due(self, count: int, time_ns: int) -> bool:
        # A few are never kept back: after a silence what was said last must be what is.
        conflate = self._settings.conflate_ns
        is_few = count <= self._settings.small
        return conflate <= 0 or is_few or self.now_ns // conflate != self._cell or time_ns == END_OF_TIME_NS

    def _tell(self, row: int) -> list[Event[ExposureUpdate] | Event[MarginUpdate]]:
        """An account as it stands; nothing if it was said so."""
        figures = self._figures(row)
        version, before = self._said.get(row, (0, None))
        if figures == before:
            return []
        self._said[row] = version + 1, figures
        said: list[Event[ExposureUpdate] | Event[MarginUpdate]] = [
            exposure_event(figures, self._settings, version + 1, self.cause(row), of_firm=self._of_firm)
        ]
        if not self._of_firm and (before is None or before.margin != figures.margin):
            said.append(margin_event(figures, version + 1, self.cause(row)))
        return said

    def _figures(self, row: int) -> Figures:
        book = self.book
        place = int(book.sums[row]["entry"])
        numbers = self.statistics
        has_numbers = row < len(numbers.numbers)
        return Figures.of(
            book.names[row],
            book.currency_of(row),
            book.sums[row],
            self._balances[row],
            numbers.numbers[row].tolist() if has_numbers else None,
            int(numbers.observations[row]) if has_numbers else 0,
            book.symbol_of(place) if place >= 0 else None,
            (book.reason(row), self._reasons.get(row, "its balance is not known yet")),
        )

    def _reserve(self) -> None:
        """Room for every account there is."""
        more = len(self.book.names) - len(self._balances)
        if more > 0:
            more = max(64, more, len(self._balances))
            blank = np.full(more, np.nan)
            self._balances = grown(self._balances, np.array([(math.nan,) * 3] * more, BALANCE))
            self._computed_with = np.concatenate([self._computed_with, blank])
            self._values = np.concatenate([self._values, np.full((more, len(COLUMNS)), np.nan)])

    def dump(self) -> dict[str, Any]:
        """Plain data."""
        count = len(self.book.names)
        self._reserve()
        return {
            "book": self.book.dump(),
            "statistics": self.statistics.dump(),
            "now": (*self.latest[:2], tuple(self.latest.place)),
            "balances": taken(self._balances, count).tobytes(),
            "computed_with": self._computed_with[:count].tobytes(),
            "values": self._values[:count].tobytes(),
            "reasons": dict(self._reasons),
            "dirty": list(self._dirty),
            "said": [(row, version, figures.plain()) for row, (version, figures) in self._said.items()],
            "cell": self._cell,
            "day": self._day,
        }

    def load(self, stored: dict[str, Any]) -> None:
        """Continue from what ``dump`` returned."""
        self.book.load(stored["book"])
        self.statistics.load(stored["statistics"])
        time_ns, correlation_id, place = stored["now"]
        self.now_ns, self._last, self._cell = time_ns, Cause(time_ns, correlation_id, Place(*place)), stored["cell"]
        self._day = stored.get("day", -1)
        self._balances = np.frombuffer(bytearray(stored["balances"]), BALANCE)
        self._computed_with = np.frombuffer(bytearray(stored["computed_with"]))
        self._values = np.frombuffer(bytearray(stored["values"])).reshape(-1, len(COLUMNS))
        self._reasons = dict(stored["reasons"])
        self._dirty = dict.fromkeys(stored["dirty"])
        self._said = {row: (version, Figures(*figures)) for row, version, figures in stored["said"]}


def _reason(balance: BalanceUpdate) -> str | None:
    """Why a number of it is not known."""
    return balance.reason if balance.equity is None or balance.day_pnl is None else None


def begin_day(known: npt.NDArray[np.float64]) -> None:
    """Of numbers of a day, those of one that has just begun, in place: 0, and NaN where it is unknown."""
    known[~np.isnan(known)] = 0.0
