"""What the steps of accounts and of the firm share: inputs that came at once are taken one by one, and judged at their end."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar, Generic, TypeVar

import msgspec
import numpy as np

from schemas.control import Control
from schemas.events import Event, RawEnvelope, Watermark
from schemas.holdings import Rate
from schemas.market_frames import Bars
from schemas.portfolio import BalanceUpdate, PositionUpdate
from schemas.risk_frames import DayBegan, SymbolMarks
from schemas.times import END_OF_TIME_NS

Made = TypeVar("Made", bound=msgspec.Struct)


class Together(msgspec.Struct, frozen=True, gc=False):
    """What came at once: what it makes of exposures is evaluated at its end."""

    items: list[Any]


Item = Event[Any] | SymbolMarks | DayBegan | Bars | Rate | Control | Watermark | Together


class TogetherStep(Generic[Made]):
    """A step around an operator of risk, which hears positions, balances, marks, days, bars, rates and controls."""

    adopts_when_fresh: ClassVar[bool] = True

    def __init__(self, risk: Any, state: dict[str, Any] | None) -> None:
        """``state``: of a snapshot; None starts afresh."""
        self._risk = risk
        if state is not None:
            self._risk.restore(state)

    def process(self, item: Item) -> Made | None:
        """Apply one input; None where it made nothing."""
        items = item.items if isinstance(item, Together) else [item]
        balances: list[Event[BalanceUpdate]] = []
        for one in items:
            if isinstance(one, Event) and isinstance(one.payload, BalanceUpdate):
                balances.append(one)
                continue
            if balances:
                self._risk.on_balances(balances)
                balances = []
            self._take(one)
        if balances:
            self._risk.on_balances(balances)
        is_end = any(isinstance(one, Watermark) and one.time_ns == END_OF_TIME_NS for one in items)
        made: Made = self._risk.say(END_OF_TIME_NS if is_end else -1)
        return made if any(getattr(made, name) for name in made.__struct_fields__) else None

    def _take(self, item: Any) -> None:
        risk = self._risk
        if isinstance(item, SymbolMarks):
            risk.on_marks(item.rows)
        elif isinstance(item, DayBegan):
            risk.on_day(item)
        elif isinstance(item, np.ndarray):
            risk.on_bars(item)
        elif isinstance(item, Control):
            risk.on_control(item)
        elif isinstance(item, Rate):
            risk.on_rate(item)
        elif isinstance(item, Event) and isinstance(item.payload, PositionUpdate):
            risk.on_position(item)
        elif not isinstance(item, Watermark):
            self._take_other(item)

    def _take_other(self, item: Any) -> None:
        """What only one of the steps hears."""
        raise NotImplementedError

    def join(self, items: list[Any]) -> list[Any]:
        """As one: a mark, the position under it and the balance that both made belong together."""
        return [Together([one for item in items for one in (item.items if isinstance(item, Together) else (item,))])]

    def snapshot(self) -> dict[str, Any]:
        stored: dict[str, Any] = self._risk.snapshot()
        return stored

    def adopt(self, events: Iterable[RawEnvelope]) -> None:
        """Take as said what was published of this step."""
        raise NotImplementedError
