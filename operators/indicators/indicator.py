"""What every indicator is: a recurrence over the bars of one symbol and interval."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import msgspec

from operators.indicators.piece import Piece

Value = float | dict[str, float | None] | None
"""What an indicator says of a bar: a number, several by name, or None while it warms up and where its formula has no answer."""

VERSION = 1


class PriceBar(msgspec.Struct, frozen=True, gc=False):
    """What a bar tells an indicator."""

    open: float
    high: float
    low: float
    close: float
    volume: float
    start: int = 0
    """UTC ns, inclusive; where only the end is known, that."""
    end: int = 0


class Recurrence(Piece, ABC):
    """Base of all: what is remembered is in underscored slots, the formula in ``update``."""

    __slots__ = ()

    @abstractmethod
    def update(self, *inputs: Any) -> Value:
        """Take the next input."""

    def snapshot(self) -> dict[str, Any]:
        """All that is remembered."""
        return {"version": VERSION, "state": self.save()}

    def restore(self, stored: dict[str, Any]) -> None:
        """Continue from a snapshot of one with the same parameters.

        Raises:
            ValueError: the snapshot has another version.
        """
        if stored["version"] != VERSION:
            raise ValueError(f"expected the state of an indicator in version {VERSION}, found {stored['version']}")
        self.load(stored["state"])


class Indicator(Recurrence):
    """Base of those that take the bars of one symbol."""

    __slots__ = ()

    @abstractmethod
    def update(self, bar: PriceBar) -> Value:
        """Take the next bar."""
