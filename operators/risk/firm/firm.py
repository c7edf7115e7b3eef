"""Risk of the firm: all accounts as one, limits on the firm and on a symbol in all accounts, and the record of what was changed.

The firm's holdings are kept like those of one account whose currency is the pivot: of each symbol what is long and what is short in all
accounts, so that gross is the sum of the accounts' and nothing is netted away.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

import msgspec
import numpy.typing as npt

from operators.risk.accounts.board import RiskBoard
from operators.risk.accounts.limit_table import Watched
from operators.risk.accounts.order_limits import ORDER_RULES, NewOrder, OrderLimits
from operators.risk.accounts.values import COLUMN, OF_ENTRY
from operators.risk.edges import Cause, cause_of_balance, cause_of_control, cause_of_event
from operators.risk.episodes import Edge, Episodes
from operators.risk.firm.audit import AuditTrail
from operators.risk.firm.halts import FIRM_NAME, Halts
from operators.risk.firm.totals import FirmBalances, FirmPositions
from operators.risk.keys import Key, covers
from operators.risk.settings import RiskFlowSettings
from schemas.alerts import Alert, TradingChange
from schemas.control import Control, Instrument, Limit, Trading
from schemas.errors import RecoveryError
from schemas.events import Event
from schemas.holdings import Rate
from schemas.market_frames import Bars
from schemas.portfolio import BalanceUpdate, PositionUpdate
from schemas.risk import Audit, ExposureUpdate, MarginUpdate
from schemas.risk_frames import DayBegan

VERSION = 1

RULES = frozenset({*COLUMN, *ORDER_RULES, "position"})

RULES_OF_SYMBOL = frozenset({*OF_ENTRY, *ORDER_RULES, "position"})
"""Rules of scope ``symbol``; others of that scope belong to the symbols themselves."""


class FirmMade(msgspec.Struct, gc=False):
    """What one input made of the firm."""

    exposure: list[Event[ExposureUpdate] | Event[MarginUpdate]] = []
    alerts: list[Event[Alert] | Event[TradingChange]] = []
    trading: list[Event[Trading]] = []
    audit: list[Event[Audit]] = []


class FirmRisk:
    """The firm. Hearing of a position or a balance again changes nothing."""

    def __init__(self, settings: RiskFlowSettings) -> None:
        self._episodes = Episodes(takes)
        self._board = RiskBoard(settings, self._episodes, of_firm=True)
        self._row = self._board.book.row(FIRM_NAME)
        self._positions = FirmPositions()
        self._balances = FirmBalances(self._board.book.rates, settings.pivot)
        self._order_limits = OrderLimits(self._episodes, self._board.book.rates, lambda _: settings.pivot)
        self._halts, self._trail = Halts(), AuditTrail()
        self._of_positions: dict[str, Limit] = {}
        self._is_laid_out = False
        self._worth_changed = False
        self._made = FirmMade()

    def on_position(self, event: Event[PositionUpdate]) -> None:
        """A position of an account; limits on the quantity of the symbol are judged now."""
        position, cause = event.payload, cause_of_event(event)
        held = self._positions.put(position)
        if held is None:
            return
        self._board.pass_day(event.time_ns)
        book = self._board.book
        before = book.entry_count
        book.hold(self._row, position.symbol, held, position.currency)
        self._is_laid_out = self._is_laid_out and before == book.entry_count
        book.touch(self._row, event.time_ns)
        self._board.caused(cause, self._row)
        self._board.statistics.stale([self._row])
        for limit in self._of_positions.values():
            if covers(limit, Key(None, position.symbol)):
                self._pass(self._judge_position(limit, position.symbol, held.long - held.short, cause))

    def on_balances(self, events: Sequence[Event[BalanceUpdate]]) -> None:
        """What accounts are worth."""
        board, run = self._board, list[Event[BalanceUpdate]]()
        self._begin_day()
        for event in events:
            if board.begins_day(event.time_ns):
                self._put(run)
                run = []
                board.pass_day(event.time_ns)
                self._begin_day()
            run.append(event)
        self._put(run)
        self._worth_changed = True
        latest_ns = max(event.time_ns for event in events)
        self._board.book.touch(self._row, latest_ns)
        cause = cause_of_balance(events[-1])
        self._board.caused(cause, self._row)
        self._board.pass_time(cause._replace(time_ns=latest_ns))

    def on_order(self, order: NewOrder) -> None:
        """A new order of an account."""
        self._pass(*self._order_limits.on_order(FIRM_NAME, order))
        self._board.pass_time(order.cause)
        self._board.pass_day(order.cause.time_ns)

    def on_alert(self, alert: Event[Alert]) -> None:
        """An alert of a symbol or a position, which another stage said: what it stops is for us to say."""
        limit = self._trail.limit(alert.payload.limit_id)
        if limit is not None:
            self._made.trading += self._halts.halt_by(limit, alert)

    def on_marks(self, marks: npt.NDArray[Any]) -> None:
        """Marks of symbols, dtype SYMBOL_MARK."""
        self._board.on_marks(marks)

    def on_day(self, day: DayBegan) -> None:
        """A day of event time; one that has begun already begins no more."""
        self._board.on_day(day)

    def on_bars(self, bars: Bars) -> None:
        """Bars of any symbols and intervals."""
        self._board.on_bars(bars)

    def on_rate(self, rate: Rate) -> None:
        """A rate of exchange."""
        self._board.book.on_rate(rate)
        self._worth_changed = True
        self._board.caused(Cause(rate.time_ns, "-".join(map(str, rate.place)), rate.place))

    def on_control(self, control: Control) -> None:
        """A limit, an instrument, a state of trading."""
        cause = cause_of_control(control, self._board.now_ns)
        audits, changes = self._trail.on_control(control)
        self._made.audit += audits
        self._made.alerts += changes
        if control.topic == "control.limits":
            self._on_limit(control, cause)
        elif control.topic == "control.instruments":
            self._board.book.on_instrument(control.id, control.payload if isinstance(control.payload, Instrument) else None)
            self._board.caused(cause)
        elif control.topic == "control.trading":
            self._halts.on_control(control)

    def say(self, time_ns: int = -1) -> FirmMade:
        """End the input: evaluate what it touched, judge, and tell; ``time_ns``: the end of time where nothing comes after."""
        board = self._board
        self._set_worth()
        if board.evaluate(time_ns):
            self._lay_out()
            self._pass(*board.judge())
        self._pass(*self._order_limits.pass_time(board.latest))
        self._made.alerts += self._episodes.end_orphans(board.latest)
        self._made.exposure = board.say()
        made, self._made = self._made, FirmMade()
        return made

    def adopt(self, published: Iterable[tuple[Alert, int]], trading: Iterable[str] = ()) -> None:
        """After ``restore``, or afresh: alerts that were said, with their times, and ids of changes of trading."""
        self._episodes.adopt((alert, time_ns) for alert, time_ns in published if is_of_firm(alert))
        for event_id in trading:
            self._trail.adopt(event_id)
        self._index()

    def snapshot(self) -> dict[str, Any]:
        """All that is remembered, as plain data."""
        return {
            "version": VERSION,
            "episodes": self._episodes.snapshot(),
            "board": self._board.dump(),
            "positions": self._positions.dump(),
            "balances": self._balances.dump(),
            "flows": self._order_limits.dump(),
            "halts": self._halts.dump(),
            "trail": self._trail.dump(),
        }

    def restore(self, stored: dict[str, Any]) -> None:
        """Continue from a snapshot; only on an operator that has seen nothing.

        Raises:
            RecoveryError: it is of another version.
        """
        if stored.get("version") != VERSION:
            raise RecoveryError(f"expected stored risk of the firm of version {VERSION}, found {stored.get('version')}")
        self._episodes.restore(stored["episodes"])
        self._board.load(stored["board"])
        self._positions.load(stored["positions"])
        self._balances.load(stored["balances"])
        self._order_limits.load(stored["flows"])
        self._halts.load(stored["halts"])
        self._trail.load(stored["trail"])
        self._index()

    def _put(self, events: Sequence[Event[BalanceUpdate]]) -> None:
        """Balances of one day."""
        days = [self._board.of_today(event.payload.day_pnl, event.time_ns) for event in events]
        self._balances.put([event.payload for event in events], days)

    def _begin_day(self) -> None:
        """Where a day began: of no account anything is lost in it yet."""
        if self._board.took_day():
            self._balances.begin_day()
            self._worth_changed = True
            self._board.caused(self._board.latest, self._row)
            self._board.book.touch(self._row)

    def _set_worth(self) -> None:
        self._begin_day()
        if self._worth_changed:
            self._worth_changed = False
            self._board.set_balance(self._row, *self._balances.worth())

    def _on_limit(self, control: Control, cause: Cause) -> None:
        before = self._episodes.limits.get(control.id)
        self._made.alerts += self._episodes.put(control.id, control.payload if isinstance(control.payload, Limit) else None, cause)
        now = self._episodes.limits.get(control.id)
        if before is None and now is None:
            return
        self._file(control.id, now)
        if now is None:
            return
        board = self._board
        self._set_worth()
        board.evaluate(everything=True)
        board.caused(cause, self._row)
        if now.rule == "position":
            for place in board.book.places(self._row):
                symbol, held = board.book.symbol_of(place), board.book.held(place)
                if covers(now, Key(None, symbol)):
                    self._pass(self._judge_position(now, symbol, held.long - held.short, cause))
        elif now.rule in ORDER_RULES:
            self._pass(*self._order_limits.judge_one(control.id, cause))
        else:
            watched = self._watched(now)
            self._pass(board.judge_one(watched) if watched else None)

    def _judge_position(self, limit: Limit, symbol: str, quantity: Decimal, cause: Cause) -> Edge | None:
        return self._episodes.judge(limit.limit_id, Key(None, symbol), abs(quantity), cause)

    def _pass(self, *edges: Edge | None) -> None:
        """Say edges that are news, and stop what they stop."""
        for edge in edges:
            if edge is not None:
                self._made.alerts += [edge.alert] if edge.is_news else []
                self._made.trading += self._halts.halt(edge)

    def _file(self, limit_id: str, limit: Limit | None) -> None:
        self._is_laid_out = False
        self._of_positions.pop(limit_id, None)
        if limit is not None and limit.rule == "position":
            self._of_positions[limit_id] = limit
        is_of_orders = limit is not None and limit.rule in ORDER_RULES
        self._order_limits.put(limit_id, limit if is_of_orders else None, FIRM_NAME, Key() if limit is None else _key(limit))

    def _index(self) -> None:
        """All limits anew."""
        for limit_id, limit in self._episodes.limits.items():
            self._file(limit_id, limit)
        self._is_laid_out = False

    def _lay_out(self) -> None:
        """Lay the limits on numbers out as columns, after they or the entries changed."""
        if not self._is_laid_out:
            self._is_laid_out = True
            limits = [limit for limit in self._episodes.limits.values() if limit.rule in COLUMN]
            self._board.watch(one for limit in limits if (one := self._watched(limit)) is not None)

    def _watched(self, limit: Limit) -> Watched | None:
        """None: what it holds has never been held."""
        place = self._board.book.place_of(self._row, limit.symbol or "") if limit.scope == "symbol" else -1
        return None if limit.scope == "symbol" and place < 0 else Watched(limit, _key(limit), self._row, place)


def takes(limit: Limit) -> bool:
    """Whether the firm's stage judges a limit."""
    return (limit.scope == "firm" and limit.rule in RULES) or (limit.scope == "symbol" and limit.rule in RULES_OF_SYMBOL)


def is_of_firm(alert: Alert) -> bool:
    """Whether the firm's stage said an alert."""
    return alert.account is None and alert.rule in (RULES if alert.symbol is None else RULES_OF_SYMBOL)


def _key(limit: Limit) -> Key:
    return Key(None, limit.symbol if limit.scope == "symbol" else None)
