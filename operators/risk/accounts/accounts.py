"""Risk of accounts: exposure, margin, statistics and the limits on an account or on one of its positions.

What one account's event decides alone (a position, a balance, an order) is judged at each event; what marks and positions make together is
judged once an input, when all of it is known. A number that is not known breaches nothing and clears nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import msgspec
import numpy.typing as npt

from operators.portfolio.terms import Terms, terms_of
from operators.risk.accounts.board import RiskBoard
from operators.risk.accounts.exposures import Held
from operators.risk.accounts.limit_table import Watched
from operators.risk.accounts.order_flow import OrderBook
from operators.risk.accounts.order_limits import ORDER_RULES, NewOrder, OrderLimits
from operators.risk.accounts.values import COLUMN, OF_BALANCE, OF_ENTRY
from operators.risk.edges import Cause, cause_of_control, cause_of_event
from operators.risk.episodes import Edge, Episodes
from operators.risk.firm.halts import Halts
from operators.risk.keys import Key, covers
from operators.risk.settings import RiskFlowSettings
from schemas.alerts import Alert
from schemas.control import Account, Control, Instrument, Limit, Trading
from schemas.errors import RecoveryError
from schemas.events import Event
from schemas.holdings import Rate
from schemas.market_frames import Bars
from schemas.orders import OrderUpdate
from schemas.portfolio import BalanceUpdate, PositionUpdate
from schemas.risk import ExposureUpdate, MarginUpdate
from schemas.risk_frames import DayBegan
from schemas.symbols import shard_of

VERSION = 1

RULES = frozenset({*COLUMN, *ORDER_RULES, "position"})

_ZERO = Decimal(0)
_encode = msgspec.json.encode
_decode_instrument = msgspec.json.Decoder(Instrument).decode


class AccountsMade(msgspec.Struct, gc=False):
    """What one input made of a shard of accounts."""

    exposure: list[Event[ExposureUpdate] | Event[MarginUpdate]] = []
    alerts: list[Event[Alert]] = []
    trading: list[Event[Trading]] = []
    orders: list[NewOrder] = []
    """For the firm."""


class AccountRisk:
    """All accounts of one shard. Hearing of a position again, or of an older version, changes nothing.

    Args:
        shard: its number; what concerns accounts of other shards is ignored. None: all are its own.
    """

    def __init__(self, settings: RiskFlowSettings, shard: int | None = None) -> None:
        self._shard = shard
        self._episodes = Episodes(self._takes)
        self._board = RiskBoard(settings, self._episodes)
        self._orders = OrderBook()
        self._order_limits = OrderLimits(self._episodes, self._board.book.rates, self._currency_of)
        self._halts = Halts()
        self._positions: dict[tuple[str, str], tuple[int, Decimal]] = {}
        self._terms: dict[str, Terms] = {}
        self._instruments: dict[str, bytes] = {}
        self._of_account: dict[str, dict[str, Limit]] = {}
        self._is_laid_out = False
        self._made = AccountsMade()

    def on_position(self, event: Event[PositionUpdate]) -> None:
        """A position; limits on its quantity are judged now."""
        position, known = event.payload, (event.payload.account, event.payload.symbol)
        version, quantity = self._positions.get(known, (0, None))
        if position.version < version or (position.version == version and position.quantity == quantity):
            return
        self._positions[known] = position.version, position.quantity
        self._board.pass_day(event.time_ns)
        book, cause = self._board.book, cause_of_event(event)
        row = book.row(position.account)
        held = Held(max(position.quantity, _ZERO), max(-position.quantity, _ZERO))
        book.hold(row, position.symbol, held, position.currency)
        book.touch(row, event.time_ns)
        self._board.caused(cause, row)
        self._board.statistics.stale([row])
        for limit in self._limits_of(position.account):
            if limit.rule == "position" and covers(limit, Key(*known)):
                self._pass(self._judge_position(limit, position.symbol, position.quantity, cause))
            elif limit.symbol == position.symbol and limit.rule in OF_ENTRY:
                self._is_laid_out = False  # its entry may be new

    def on_balances(self, events: Iterable[Event[BalanceUpdate]]) -> None:
        """What accounts are worth; limits on drawdown and the day's loss are judged at each."""
        board, run = self._board, dict[int, Event[BalanceUpdate]]()
        for event in events:
            account = event.payload.account
            row = board.book.row(account, event.payload.currency)
            limits = [limit for limit in self._limits_of(account) if limit.rule in OF_BALANCE]
            if row in run or limits or board.begins_day(event.time_ns):
                board.set_balances(run)
                board.pass_day(event.time_ns)
                run = {}
            run[row] = event
            if limits:
                board.set_balances(run)
                run = {}
                for limit in limits:
                    self._pass(board.judge_number(limit, Key(limit.account), row))
        board.set_balances(run)

    def on_order(self, event: Event[OrderUpdate]) -> None:
        """Where an order stands; a new one counts, and limits on orders are judged now."""
        update = event.payload
        symbol = update.symbol or ""
        terms = self._terms.get(symbol) or terms_of(Instrument(symbol))
        market = self._board.book.mark(symbol, buys=update.side != "sell") if symbol else None
        seen = self._orders.see(update, terms, market)
        if not seen.is_new and seen.worth is None:
            return
        order = NewOrder(update.account, symbol, seen.is_new, seen.worth, terms.currency, cause_of_event(event))
        self._pass(*self._order_limits.on_order(update.account, order))
        self._made.orders.append(order)
        self._board.pass_time(order.cause)
        self._board.pass_day(event.time_ns)

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
        self._board.caused(Cause(rate.time_ns, "-".join(map(str, rate.place)), rate.place))

    def on_control(self, control: Control) -> None:
        """A limit, an instrument, an account, a state of trading. Hearing it again changes nothing."""
        cause = cause_of_control(control, self._board.now_ns)
        if control.topic == "control.limits":
            self._on_limit(control, cause)
        elif control.topic == "control.instruments":
            self._on_instrument(control.id, control.payload if isinstance(control.payload, Instrument) else None)
            self._board.caused(cause)
        elif control.topic == "control.trading":
            self._halts.on_control(control)
        elif isinstance(control.payload, Account) and self._is_ours(control.id):
            self._board.book.row(control.id, control.payload.currency)
            self._board.caused(cause)

    def say(self, time_ns: int = -1) -> AccountsMade:
        """End the input: evaluate what it touched, judge, and tell; ``time_ns``: the end of time where nothing comes after."""
        board = self._board
        if board.took_day():
            self._judge_days()
        if board.evaluate(time_ns):
            self._lay_out()
            self._pass(*board.judge())
        self._pass(*self._order_limits.pass_time(board.latest))
        self._made.alerts += self._episodes.end_orphans(board.latest)
        self._made.exposure = board.say()
        made, self._made = self._made, AccountsMade()
        return made

    def adopt(self, published: Iterable[tuple[Alert, int]]) -> None:
        """After ``restore``, or afresh: alerts that were said, with their times."""
        self._episodes.adopt(
            (alert, time_ns) for alert, time_ns in published if alert.rule in RULES and alert.account and self._is_ours(alert.account)
        )
        self._index()

    def snapshot(self) -> dict[str, Any]:
        """All that is remembered, as plain data."""
        return {
            "version": VERSION,
            "episodes": self._episodes.snapshot(),
            "board": self._board.dump(),
            "orders": self._orders.dump(),
            "flows": self._order_limits.dump(),
            "halts": self._halts.dump(),
            "positions": [(*key, version, str(quantity)) for key, (version, quantity) in self._positions.items()],
            "instruments": dict(self._instruments),
        }

    def restore(self, stored: dict[str, Any]) -> None:
        """Continue from a snapshot; only on an operator that has seen nothing.

        Raises:
            RecoveryError: it is of another version.
        """
        if stored.get("version") != VERSION:
            raise RecoveryError(f"expected stored risk of accounts of version {VERSION}, found {stored.get('version')}")
        self._episodes.restore(stored["episodes"])
        self._board.load(stored["board"])
        self._orders.load(stored["orders"])
        self._order_limits.load(stored["flows"])
        self._halts.load(stored["halts"])
        self._positions = {(account, symbol): (version, Decimal(quantity)) for account, symbol, version, quantity in stored["positions"]}
        self._instruments = dict(stored["instruments"])
        self._terms = {symbol: terms_of(_decode_instrument(text)) for symbol, text in self._instruments.items()}
        self._index()

    def _takes(self, limit: Limit) -> bool:
        return limit.rule in RULES and limit.scope in ("account", "account+symbol") and self._is_ours(limit.account or "")

    def _is_ours(self, account: str) -> bool:
        return self._shard is None or shard_of(account.encode("utf-8", "surrogatepass")) == self._shard

    def _currency_of(self, account: str) -> str:
        return self._board.book.currency_of(self._board.book.row(account))

    def _on_instrument(self, symbol: str, instrument: Instrument | None) -> None:
        self._board.book.on_instrument(symbol, instrument)
        if instrument is None:
            self._terms.pop(symbol, None)
            self._instruments.pop(symbol, None)
        else:
            self._terms[symbol], self._instruments[symbol] = terms_of(instrument), _encode(instrument)

    def _on_limit(self, control: Control, cause: Cause) -> None:
        limit = control.payload if isinstance(control.payload, Limit) else None
        before = self._episodes.limits.get(control.id)
        self._made.alerts += self._episodes.put(control.id, limit, cause)
        now = self._episodes.limits.get(control.id)
        if before is None and now is None:
            return
        self._is_laid_out = False
        self._file(control.id, before, now)
        if now is None:
            return
        board, row = self._board, self._board.book.row(now.account or "")
        board.evaluate(everything=True)
        board.caused(cause, row)
        if now.rule == "position":
            for place in board.book.places(row):
                symbol, held = board.book.symbol_of(place), board.book.held(place)
                if covers(now, Key(now.account, symbol)):
                    self._pass(self._judge_position(now, symbol, held.long - held.short, cause))
        elif now.rule in ORDER_RULES:
            self._pass(*self._order_limits.judge_one(control.id, cause))
        else:
            watched = self._watched(now)
            self._pass(board.judge_one(watched) if watched else None)

    def _judge_position(self, limit: Limit, symbol: str, quantity: Decimal, cause: Cause) -> Edge | None:
        return self._episodes.judge(limit.limit_id, Key(limit.account, symbol), abs(quantity), cause)

    def _judge_days(self) -> None:
        """A day began: hold what was lost in it, nothing yet, against the limits."""
        for limit in self._episodes.limits.values():
            if limit.rule == "daily_loss":
                row = self._board.book.row(limit.account or "")
                self._board.caused(self._board.latest, row)
                self._board.book.touch(row)
                self._pass(self._board.judge_number(limit, Key(limit.account), row))

    def _pass(self, *edges: Edge | None) -> None:
        """Say edges that are news, and stop what they stop."""
        for edge in edges:
            if edge is not None:
                self._made.alerts += [edge.alert] if edge.is_news else []
                self._made.trading += self._halts.halt(edge)

    def _limits_of(self, account: str) -> Iterable[Limit]:
        return self._of_account.get(account, {}).values()

    def _file(self, limit_id: str, before: Limit | None, now: Limit | None) -> None:
        """Find a limit by whom it holds."""
        if before is not None:
            self._of_account.get(before.account or "", {}).pop(limit_id, None)
        if now is not None:
            self._of_account.setdefault(now.account or "", {})[limit_id] = now
        is_of_orders = now is not None and now.rule in ORDER_RULES
        self._order_limits.put(limit_id, now if is_of_orders else None, *_name_and_key(now))

    def _index(self) -> None:
        """All limits anew."""
        self._of_account.clear()
        for limit_id, limit in self._episodes.limits.items():
            self._file(limit_id, None, limit)
        self._is_laid_out = False

    def _lay_out(self) -> None:
        """Lay the limits on numbers out as columns, after they or the entries changed."""
        if not self._is_laid_out:
            self._is_laid_out = True
            limits = [limit for limit in self._episodes.limits.values() if limit.rule in COLUMN and limit.rule not in OF_BALANCE]
            self._board.watch(one for limit in limits if (one := self._watched(limit)) is not None)

    def _watched(self, limit: Limit) -> Watched | None:
        """None: what it holds has never been held."""
        row = self._board.book.row(limit.account or "")
        place = self._board.book.place_of(row, limit.symbol or "") if "symbol" in limit.scope else -1
        return None if "symbol" in limit.scope and place < 0 else Watched(limit, _key(limit), row, place)


def _key(limit: Limit) -> Key:
    return Key(limit.account, limit.symbol if "symbol" in limit.scope else None)


def _name_and_key(limit: Limit | None) -> tuple[str, Key]:
    return ("", Key()) if limit is None else (limit.account or "", _key(limit))
