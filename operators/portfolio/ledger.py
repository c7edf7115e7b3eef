"""Positions and their realised P&L, exact, from execution reports."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from operators.portfolio.actions import Effect, place_of
from operators.portfolio.calendar import AHEAD_NS, Calendar
from operators.portfolio.cash import CashBook
from operators.portfolio.corrections import Parked, amend, check_price, orphan
from operators.portfolio.fills import Fill, FillId, signed_quantity
from operators.portfolio.output import LedgerOutput
from operators.portfolio.position import Position, refused_change
from operators.portfolio.rates import Rates
from operators.portfolio.said import holding_of, update_of
from operators.portfolio.settings import PortfolioSettings
from operators.portfolio.stored import load, separated, stored_positions
from operators.portfolio.terms import UNKNOWN, Terms, terms_of
from schemas.control import Account, Action, Control, Costing, Instrument
from schemas.dead_letters import Reason, Reject
from schemas.errors import RejectedRecord
from schemas.event_reading import reject_event
from schemas.events import Event, Place
from schemas.holdings import Rate
from schemas.orders import ExecType, ExecutionReport
from schemas.times import DAY_NS

VERSION = 2
"""Of the snapshot. In 1 each position was stored by itself."""
INSTRUMENTS, ACCOUNTS, ACTIONS = "control.instruments", "control.accounts", "control.actions"

MAX_ACTIONS = 10_000
"""Corporate actions that are kept; what comes beyond is refused."""

_FILL, _TRANSFER = ExecType.FILL, ExecType.TRANSFER
"""Looked up once: an enumeration's members are slow to find."""

Key = tuple[str, str]
"""(symbol, account)."""


class Ledger:
    """All positions of one shard of symbols, folded from their fills.

    What is kept is bounded: ``fills_kept`` fills of a position, ``Parked.MAX`` busts and corrections that wait for their fill,
    ``CashBook.MAX`` ids of cash reports, MAX_ACTIONS corporate actions. Positions are as many as the pairs of account and symbol.
    """

    def __init__(self, settings: PortfolioSettings) -> None:
        """An empty one."""
        self._settings = settings
        self._opens_accounts = settings.opens_accounts
        self._rates = Rates(settings.pivot)
        self._positions: dict[str, dict[str, Position]] = {}
        self._terms: dict[str, Terms] = {}
        self._accounts: dict[str, Costing | None] = {}
        self._calendar = Calendar()
        self._parked = Parked()
        self._cash = CashBook()
        self._waiting: dict[tuple[str, str], dict[Key, None]] = {}
        """Positions that lack a rate, by (currency, their own currency)."""
        self._untold: dict[Position, None] = {}
        """Positions that were said, and not told yet to their marks and accounts."""
        self._sequence = 0
        self._now_ns = 0
        self._stored: dict[str, bytes] = {}
        """Stored form of a symbol's positions, until one of them changes."""
        self._controls: dict[str, Any] | None = None
        """Stored form of what controls said, until it changes."""

    def on_report(self, event: Event[ExecutionReport]) -> LedgerOutput:
        """Apply a fill, bust, correction, transfer or cash report; all others are ignored."""
        return self.on_reports((event,))

    def on_reports(self, events: Sequence[Event[ExecutionReport]]) -> LedgerOutput:
        """Apply reports in their order. A position that several of them change is told to its marks and account once a day of theirs:
        what is told is absolute, and a day's P&L is told from the next one's.
        """
        output, day_end_ns = LedgerOutput(), 0
        for event in events:
            if not day_end_ns - DAY_NS <= event.time_ns < day_end_ns:
                self._tell(output)
                day_end_ns = (event.time_ns // DAY_NS + 1) * DAY_NS
            kind = event.payload.exec_type
            try:
                if kind is _FILL or kind is _TRANSFER:
                    self._fill(event, output)
                elif kind is ExecType.BUST or kind is ExecType.CORRECT:
                    self._amend(event, output)
                elif kind is ExecType.CASH:
                    self._check_account(event.payload.account)
                    output.cash += self._cash.take(event)
            except RejectedRecord as error:
                output.rejects.append(reject_event(event, Reason(error.reason), str(error)))
        self._tell(output)
        return output

    def on_control(self, control: Control) -> LedgerOutput:
        """Apply an instrument, an account's costing or a corporate action. Saying it again changes nothing."""
        output = LedgerOutput()
        self._controls = None
        try:
            if control.topic == INSTRUMENTS:
                self._instrument(control)
            elif control.topic == ACCOUNTS:
                self._account(control, output)
            elif control.topic == ACTIONS:
                self._action(control, output)
        except RejectedRecord as error:
            value = b"" if control.payload is None else msgspec.json.encode(control.payload)
            place = place_of(control)
            output.rejects.append(Reject(*place, -1, Reason(error.reason), str(error), value, control.time_ns))
        return output

    def on_rate(self, rate: Rate) -> LedgerOutput:
        """A rate of exchange became known: fees and dividends that waited for it are converted."""
        output = LedgerOutput()
        if not self._rates.put(rate) or not self._waiting:
            return output
        for pair in sorted(self._waiting):
            found = self._rates.rate(*pair)
            if found is None:
                continue
            for symbol, account in sorted(self._waiting.pop(pair)):
                position = self._positions[symbol][account]
                if pair[0] not in position.book.unconverted and pair[0] not in position.book.unknown_income:
                    continue  # what lacked it was busted
                self._resolve(symbol, position.terms.currency)
                position.convert(pair[0], found, self._calendar.active(symbol))
                cause = f"rate|{rate.base}|{rate.quote}|{rate.time_ns}"
                self._say(output, position, cause, position.correlation_id, rate.time_ns, rate.place)
                self._tell(output)
        return output

    def on_time(self, time_ns: int) -> LedgerOutput:
        """Event time has come this far: actions take effect; what waited too long for its fill becomes a dead letter."""
        output = LedgerOutput()
        self._now_ns = max(self._now_ns, time_ns)
        if time_ns >= self._calendar.next_ns:
            for effect in self._calendar.all_due(time_ns):
                self._take_effect(effect, output)
        for event in self._parked.expire(time_ns):
            output.rejects.append(orphan(event))
        return output

    def snapshot(self) -> dict[str, Any]:
        """All that is remembered as plain data with a ``version``; later inputs leave it alone."""
        if self._controls is None:
            self._controls = {
                "terms": msgspec.msgpack.encode(self._terms),
                "accounts": msgspec.msgpack.encode(self._accounts),
                "actions": msgspec.msgpack.encode(self._calendar.dump()),
            }
        return {
            "version": VERSION,
            "sequence": self._sequence,
            "now_ns": self._now_ns,
            "positions": stored_positions(self._positions, self._stored),
            "rates": self._rates.dump(),
            "parked": msgspec.msgpack.encode(self._parked.dump()),
            "cash": self._cash.dump(),
            **self._controls,
        }

    def restore(self, stored: dict[str, Any]) -> None:
        """Continue from a snapshot, on a ledger that has seen nothing."""
        self._sequence, self._now_ns = stored["sequence"], stored["now_ns"]
        self._terms = msgspec.msgpack.decode(stored["terms"], type=dict[str, Terms])
        self._accounts = msgspec.msgpack.decode(stored["accounts"], type=dict[str, Costing | None])
        self._calendar.load(msgspec.msgpack.decode(stored["actions"]))
        self._rates.load(stored["rates"])
        self._parked.load(msgspec.msgpack.decode(stored["parked"]))
        self._cash.load(stored["cash"])
        forms = (one for several in stored["positions"] for one in separated(several))
        for one in forms if stored["version"] > 1 else stored["positions"]:
            position = load(one)
            self._positions.setdefault(position.symbol, {})[position.account] = position
            self._note_unknown(position)

    def _fill(self, event: Event[ExecutionReport], output: LedgerOutput) -> None:
        report = event.payload
        account, symbol, price = report.account, report.symbol, report.price
        assert account is not None
        assert symbol is not None
        assert report.execution_id is not None
        assert price is not None
        if not self._opens_accounts:
            self._check_account(account)
        terms = self._terms.get(symbol, UNKNOWN)
        fill_id = report.venue, report.execution_id
        accounts = self._positions.get(symbol)
        position = accounts.get(account) if accounts else None
        if position is not None and position.knows(fill_id):
            return
        if terms.inverse or price.is_signed():
            check_price(price, terms)
        if event.time_ns >= self._calendar.next_ns:
            self._start_due(symbol, event.time_ns, output)
        if position is None:
            position = Position(account, symbol, self._accounts.get(account) or self._settings.costing, terms)
            self._positions.setdefault(symbol, {})[account] = position
        self._sequence += 1
        fill = Fill(fill_id, event.time_ns, self._sequence, terms, report.exec_type is _TRANSFER)
        currency = report.fee_currency
        rate = self._rates.rate(currency, terms.currency) if currency and currency != terms.currency else None
        fill.set(signed_quantity(report), price, report.fee, currency, rate)
        effects = self._calendar.active(symbol)
        if effects:
            self._resolve(symbol, terms.currency)
        position.add(fill, effects, self._settings.fills_kept)
        if self._parked.count and self._apply_waiting(position, fill_id, output):
            position.refold(effects)
        self._say_of(output, position, event)

    def _amend(self, event: Event[ExecutionReport], output: LedgerOutput) -> None:
        report = event.payload
        account, symbol, reference = report.account, report.symbol, report.reference_execution_id
        assert account is not None
        assert symbol is not None
        assert reference is not None
        self._check_account(account)
        self._stored.pop(symbol, None)
        position = self._positions.get(symbol, {}).get(account)
        fill = position.find((report.venue, reference)) if position else None
        if position is None or fill is None:
            self._park(position, event, output)
            return
        if self._amended(position, fill, event, output):
            self._resolve(symbol, position.terms.currency)
            position.refold(self._calendar.active(symbol))
            self._say_of(output, position, event)

    def _amended(self, position: Position, fill: Fill, event: Event[ExecutionReport], output: LedgerOutput) -> bool:
        """Amend a fill, also by what waited for this; whether it changed."""
        report = event.payload
        changed = amend(position, fill, report, self._rates)
        if report.exec_type is ExecType.CORRECT and report.execution_id:
            changed |= self._apply_waiting(position, (fill.id[0], report.execution_id), output)
        return changed

    def _apply_waiting(self, position: Position, fill_id: FillId, output: LedgerOutput) -> bool:
        changed = False
        for waiting in self._parked.claim((position.account, position.symbol), fill_id):
            fill = position.ids.get(fill_id)
            try:
                changed |= fill is not None and self._amended(position, fill, waiting, output)
            except RejectedRecord as error:
                output.rejects.append(reject_event(waiting, Reason(error.reason), str(error)))
        return changed

    def _park(self, position: Position | None, event: Event[ExecutionReport], output: LedgerOutput) -> None:
        report = event.payload
        account, symbol, reference = report.account, report.symbol, report.reference_execution_id
        assert account is not None
        assert symbol is not None
        assert reference is not None
        if position is not None and position.is_final((report.venue, reference)):
            kept = self._settings.fills_kept
            raise RejectedRecord(
                Reason.EXECUTION,
                f"referenceExecutionId: expected one of the last {kept} fills of the position, found {reference}: it is final",
            )
        until_ns = max(event.time_ns, self._now_ns) + self._settings.park_for_ns
        gone = self._parked.put((account, symbol), event, until_ns)
        if gone is not None:
            output.rejects.append(orphan(gone))

    def _check_account(self, account: str | None) -> None:
        if not self._opens_accounts and account not in self._accounts:
            raise RejectedRecord(Reason.UNKNOWN_ACCOUNT, f"account: expected one that control.accounts opened, found {account}")

    def _instrument(self, control: Control) -> None:
        payload = control.payload
        assert payload is None or isinstance(payload, Instrument)
        terms = UNKNOWN if payload is None else terms_of(payload)
        self._stored.pop(control.id, None)
        positions = self._positions.get(control.id, {}).values()
        for position in positions:
            held = position.terms
            if terms.currency != held.currency or (position.book.quantity and terms.economics != held.economics):
                raise RejectedRecord(Reason.CONTROL, refused_change(position, terms))
        for position in positions:
            if terms.economics == position.terms.economics:
                position.agree(terms)
        if payload is None:
            self._terms.pop(control.id, None)
        else:
            self._terms[control.id] = terms

    def _account(self, control: Control, output: LedgerOutput) -> None:
        payload = control.payload
        assert payload is None or isinstance(payload, Account)
        if payload is None:
            self._accounts.pop(control.id, None)
        else:
            self._accounts[control.id] = payload.costing
        costing = self._accounts.get(control.id) or self._settings.costing
        for symbol, accounts in self._positions.items():
            position = accounts.get(control.id)
            if position is not None and position.costing != costing:
                position.recost(costing, self._calendar.active(symbol))
                self._say_of_control(output, position, control)

    def _action(self, control: Control, output: LedgerOutput) -> None:
        payload = control.payload
        assert payload is None or isinstance(payload, Action)
        known = self._calendar.by_id.get(control.id)
        if known is not None and payload == known.action and control.time_ns == known.time_ns:
            return
        if known is None and len(self._calendar.by_id) >= MAX_ACTIONS:
            raise RejectedRecord(Reason.CONTROL, f"expected at most {MAX_ACTIONS} corporate actions, found one more")
        if known is not None:
            self._withdraw(known, control, output)
        if payload is not None:
            sequence = known.sequence if known else self._next()
            since_ns = control.time_ns or self._now_ns
            self._calendar.put(Effect(control.id, payload, control.time_ns, sequence, since_ns, place_of(control)))
            seen_ns = max([self._now_ns, *(position.time_ns for position in self._positions.get(payload.symbol, {}).values())])
            self._start_due(payload.symbol, seen_ns + AHEAD_NS, output)

    def _withdraw(self, effect: Effect, control: Control, output: LedgerOutput) -> None:
        """An action was deleted, or said otherwise than before."""
        self._calendar.remove(effect.id)
        if not effect.is_active:
            return
        for position in self._of(effect.action.symbol):
            before = position.book
            position.refold(self._calendar.active(position.symbol))
            if not position.book.equals(before):
                self._say_of_control(output, position, control)

    def _start_due(self, symbol: str, time_ns: int, output: LedgerOutput) -> None:
        for effect in self._calendar.due(symbol, time_ns):
            self._take_effect(effect, output)

    def _take_effect(self, effect: Effect, output: LedgerOutput) -> None:
        self._tell(output)
        symbol = effect.action.symbol
        self._calendar.activate(effect)
        self._controls = None
        self._stored.pop(symbol, None)
        if effect.ratio is not None:
            output.splits.append((symbol, effect.ratio, effect.time_ns))
        for position in self._of(symbol):
            self._resolve(symbol, position.terms.currency)
            before, position.stored = position.book, None
            position.act(effect, self._calendar.active(symbol))
            if not position.book.equals(before):
                self._say(output, position, effect.id, effect.id, effect.time_ns or self._now_ns, effect.place)
        self._tell(output)

    def _resolve(self, symbol: str, currency: str) -> None:
        """Find the rates that dividends of a symbol lack."""
        for effect in self._calendar.active(symbol):
            other = effect.action.currency
            if effect.rate is None and other is not None and other != currency and effect.action.action == "dividend":
                effect.rate = self._rates.rate(other, currency)
                self._controls = None

    def _of(self, symbol: str) -> Sequence[Position]:
        positions = self._positions.get(symbol, {})
        return [positions[account] for account in sorted(positions)]

    def _next(self) -> int:
        self._sequence += 1
        return self._sequence

    def _say_of(self, output: LedgerOutput, position: Position, event: Event[ExecutionReport]) -> None:
        header = event.header
        self._say(output, position, header.event_id, header.correlation_id, event.time_ns, event.place)

    def _say_of_control(self, output: LedgerOutput, position: Position, control: Control) -> None:
        cause = control.event_id or f"{control.topic}|{control.id}"
        self._say(output, position, cause, cause, control.time_ns or self._now_ns, place_of(control))
        self._tell(output)

    def _say(self, output: LedgerOutput, position: Position, cause_id: str, correlation_id: str, time_ns: int, place: Place) -> None:
        book, terms = position.book, position.terms
        position.version += 1
        position.correlation_id, position.time_ns, position.place = correlation_id, time_ns, place
        position.stored = None
        self._stored.pop(position.symbol, None)
        position.average = terms.price(book.quantity, book.cost) if book.quantity else None
        if book.unconverted or book.unknown_income:
            self._note_unknown(position)
        output.positions.append(update_of(position, cause_id))
        self._untold[position] = None

    def _tell(self, output: LedgerOutput) -> None:
        """To marks and accounts, what was said since the last time."""
        if self._untold:
            output.holdings += map(holding_of, self._untold)
            self._untold.clear()

    def _note_unknown(self, position: Position) -> None:
        for currency in (*position.book.unconverted, *position.book.unknown_income):
            self._waiting.setdefault((currency, position.terms.currency), {})[position.symbol, position.account] = None
