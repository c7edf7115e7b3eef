"""The steps of the portfolio flow: rates and positions by symbol, then accounts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any, ClassVar, cast

import msgspec
import numpy as np

from operators.portfolio.accounts import Accounts
from operators.portfolio.ledger import ACCOUNTS as ACCOUNTS_TOPIC
from operators.portfolio.ledger import INSTRUMENTS, Ledger
from operators.portfolio.marks import MarkBook
from operators.portfolio.output import LedgerOutput
from operators.portfolio.pairs import PairMarks
from operators.portfolio.settings import PortfolioSettings
from schemas.control import Account, Control, Instrument
from schemas.dead_letters import Reject
from schemas.events import Event, RawEnvelope, Watermark
from schemas.holdings import CashMove, Holding, Rate
from schemas.market_frames import Bars
from schemas.orders import ExecutionReport
from schemas.pnl_frames import PNL, AccountFrame, Pnl, joined_pnl
from schemas.pnl_frames import joined_frames as joined_account_frames
from schemas.portfolio import BalanceUpdate, PositionUpdate
from schemas.symbols import SYMBOLS, shard_of
from schemas.ticks import WATERMARK, TickFrame, joined_frames

AccountItem = AccountFrame | Control | Rate

_NO_PNL = np.empty(0, PNL)


class PortfolioOutput(msgspec.Struct, frozen=True, gc=False):
    """What one input made of a shard of symbols, by topic, and what its accounts must hear."""

    positions: list[Event[PositionUpdate]]
    pnl: Pnl
    rejects: list[Reject]
    holdings: Sequence[Holding] = ()
    cash: Sequence[CashMove] = ()


class AccountsOutput(msgspec.Struct, frozen=True, gc=False):
    """What one input made of a shard of accounts."""

    accounts: list[Event[BalanceUpdate]]


class RatesOutput(msgspec.Struct, frozen=True, gc=False):
    """Rates of exchange that changed."""

    rates: list[Rate]


class Reports(msgspec.Struct, frozen=True, gc=False):
    """Reports of a shard, in their order, that are applied at once: the P&L of a position is said after the last of them."""

    events: list[Event[ExecutionReport]]


PortfolioItem = TickFrame | Bars | Event[ExecutionReport] | Reports | Control | Rate | Watermark


def _joined(items: list[Any]) -> list[Any]:
    """Frames that follow one another become one, as reports do: a kernel's call has a price."""
    joined: list[Any] = []
    for kind, group in groupby(items, type):
        run = list(group)
        if len(run) > 1 and kind is TickFrame:
            joined.append(joined_frames(run))
        elif len(run) > 1 and kind is Event:
            joined.append(Reports(run))
        else:
            joined += run
    return joined


class RatesStep:
    """Rates of exchange of one shard of symbols."""

    adopts_when_fresh: ClassVar[bool] = False

    def __init__(self, shard: int, state: dict[str, Any] | None) -> None:
        """``state``: of a snapshot; None starts afresh."""
        self._marks = PairMarks(shard)
        if state is not None:
            self._marks.restore(state)

    def process(self, item: TickFrame | Control) -> RatesOutput | None:
        """Apply one input; None where it made nothing."""
        if isinstance(item, TickFrame):
            rates = self._marks.on_frame(item)
            return RatesOutput(rates) if rates else None
        if item.topic == INSTRUMENTS:
            self._marks.on_instrument(item.id, cast("Instrument | None", item.payload))
        return None

    def join(self, items: list[Any]) -> list[Any]:
        return _joined(items)

    def snapshot(self) -> dict[str, Any]:
        return self._marks.snapshot()

    def adopt(self, events: Iterable[RawEnvelope]) -> None:
        """What is said follows from the ticks alone."""


class PortfolioStep:
    """Positions and their marks of one shard of symbols (and cash of one shard of accounts, on its way)."""

    adopts_when_fresh: ClassVar[bool] = False

    def __init__(self, settings: PortfolioSettings, shard: int, state: dict[str, Any] | None) -> None:
        """``state``: of a snapshot; None starts afresh."""
        self._shard = shard
        self._ledger = Ledger(settings)
        self._marks = MarkBook(settings.conflate_ns)
        if state is not None:
            self._ledger.restore(state["ledger"])
            self._marks.restore(state["marks"])

    def process(self, item: PortfolioItem) -> PortfolioOutput | None:
        """Apply one input; None where it made nothing."""
        if isinstance(item, TickFrame):
            return self._frame(item)
        if isinstance(item, np.ndarray):
            return _output(LedgerOutput(), [self._marks.on_bars(self._ours(item))])
        if isinstance(item, Rate):
            return self._changed(self._ledger.on_rate(item))
        if isinstance(item, Control):
            if item.topic == INSTRUMENTS and shard_of(item.id.encode("utf-8", "surrogatepass")) == self._shard:
                self._marks.on_instrument(item.id, cast("Instrument | None", item.payload))
            return self._changed(self._ledger.on_control(item))
        if isinstance(item, Watermark):
            made = self._ledger.on_time(item.time_ns)
            return _output(made, [self._held(made), self._marks.on_time(item.time_ns)])
        if isinstance(item, Reports):
            return self._changed(self._ledger.on_reports(item.events))
        return self._changed(self._ledger.on_report(item))

    def _frame(self, frame: TickFrame) -> PortfolioOutput | None:
        """Marks first: what time brings (a split) changes what was known then."""
        pnl = self._marks.on_frame(frame)
        watermarks = frame.rows["watermark"][frame.rows["kind"] == WATERMARK]
        made = self._ledger.on_time(int(watermarks.min())) if len(watermarks) else LedgerOutput()
        return _output(made, [pnl, self._held(made)])

    def _changed(self, made: LedgerOutput) -> PortfolioOutput | None:
        return _output(made, [self._held(made)])

    def _held(self, made: LedgerOutput) -> Pnl:
        """What the ledger changed, at marks that splits have changed too."""
        self._marks.on_splits(made.splits)
        return self._marks.on_holdings(made.holdings)

    def _ours(self, bars: Bars) -> Bars:
        """Bars of this shard."""
        shards = SYMBOLS.shard[bars["symbol"]]
        return bars if (shards == self._shard).all() else bars[shards == self._shard]

    def join(self, items: list[Any]) -> list[Any]:
        return _joined(items)

    def snapshot(self) -> dict[str, Any]:
        return {"version": 1, "ledger": self._ledger.snapshot(), "marks": self._marks.snapshot()}

    def adopt(self, events: Iterable[RawEnvelope]) -> None:
        """What is said follows from the inputs; a repeat has the same ids."""


def _output(made: LedgerOutput, pnl: Sequence[Pnl]) -> PortfolioOutput | None:
    rows = [part for part in pnl if len(part)]
    if not (rows or made.positions or made.holdings or made.cash or made.rejects):
        return None
    return PortfolioOutput(made.positions, joined_pnl(rows) if rows else _NO_PNL, made.rejects, made.holdings, made.cash)


class AccountsStep:
    """One shard of accounts."""

    adopts_when_fresh: ClassVar[bool] = False

    def __init__(self, settings: PortfolioSettings, shard: int, state: dict[str, Any] | None) -> None:
        """``state``: of a snapshot; None starts afresh."""
        self._shard = shard
        self._accounts = Accounts(settings)
        if state is not None:
            self._accounts.restore(state)

    def process(self, item: AccountItem) -> AccountsOutput | None:
        """Apply one input; None where it made nothing."""
        said = self._process(item)
        return AccountsOutput(said) if said else None

    def _process(self, item: AccountItem) -> list[Event[BalanceUpdate]]:
        if isinstance(item, AccountFrame):
            return self._accounts.on_frame(item)
        if isinstance(item, Rate):
            return self._accounts.on_rate(item)
        is_ours = item.topic == ACCOUNTS_TOPIC and shard_of(item.id.encode("utf-8", "surrogatepass")) == self._shard
        if not is_ours or not isinstance(item.payload, Account):
            return []  # an account that is deleted goes on with what it has
        return self._accounts.on_account(item.payload, item.time_ns, item.event_id)

    def join(self, items: list[Any]) -> list[Any]:
        """What several shards of symbols tell at once is one input: an account is then said once."""
        joined: list[Any] = []
        for is_frame, group in groupby(items, lambda item: isinstance(item, AccountFrame)):
            run = list(group)
            joined += [joined_account_frames(run)] if is_frame and len(run) > 1 else run
        return joined

    def snapshot(self) -> dict[str, Any]:
        return self._accounts.snapshot()

    def adopt(self, events: Iterable[RawEnvelope]) -> None:
        """Totals follow from absolute snapshots, which converge."""
