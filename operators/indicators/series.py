"""The indicators of one symbol and interval."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any

import msgspec

from operators.indicators.indicator import PriceBar, Value
from operators.indicators.names import Definition
from operators.indicators.others import Closes


class Waiting(msgspec.Struct, frozen=True, gc=False):
    """A bar that is not measured whole yet."""

    bar: PriceBar
    offset: int
    values: dict[str, Value]
    """Of the indicators that need nothing but the bar."""


class Series:
    """Indicators with what they remember, and the bars that wait for another symbol's."""

    __slots__ = ("_pairs", "_single", "_updates", "_waits", "last_end", "waiting")

    def __init__(self, single: Sequence[Definition], pairs: Sequence[Definition], *, waits: bool) -> None:
        """``waits``: bars wait for more than themselves."""
        self._waits = waits
        self._single = {definition.text: definition.make() for definition in single}
        self._pairs = {definition.text: definition.make() for definition in pairs}
        self._updates = tuple((text, indicator.update) for text, indicator in self._single.items())
        self.last_end = -1
        self.waiting: deque[Waiting] = deque()

    def add(self, bar: PriceBar, offset: int) -> Waiting:
        """Take the next bar."""
        self.last_end = bar.end
        waiting = Waiting(bar, offset, {text: update(bar) for text, update in self._updates})
        if self._waits:
            self.waiting.append(waiting)
        return waiting

    def pair(self, bar: PriceBar, others: Sequence[Closes]) -> dict[str, Value]:
        """Take a bar together with those of the other symbols, one for each pair."""
        values: dict[str, Value] = {}
        for (text, indicator), other in zip(self._pairs.items(), others, strict=True):
            close = other.at(bar.end)
            values[text] = None if close is None else indicator.update(bar.close, close)
        return values

    def save(self) -> list[Any]:
        """Plain data; states in the order of single ones, then pairs."""
        states = [indicator.save() for indicator in (*self._single.values(), *self._pairs.values())]
        return [self.last_end, states, [[list(msgspec.structs.astuple(one.bar)), one.offset, dict(one.values)] for one in self.waiting]]

    def load(self, stored: list[Any], texts: Sequence[str]) -> None:
        """Continue from what was saved; ``texts`` names the states."""
        self.last_end = stored[0]
        for text, state in zip(texts, stored[1], strict=True):
            indicator = self._single.get(text) or self._pairs.get(text)
            if indicator is not None:
                indicator.load(state)
        absent = dict.fromkeys(self._single)
        self.waiting.extend(Waiting(PriceBar(*bar), offset, {**absent, **values}) for bar, offset, values in stored[2])
