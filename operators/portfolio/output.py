"""What one input makes of the positions of a shard."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from schemas.dead_letters import Reject
from schemas.events import Event
from schemas.holdings import CashMove, Holding
from schemas.portfolio import PositionUpdate


class LedgerOutput(msgspec.Struct, gc=False):
    """What one input made."""

    positions: list[Event[PositionUpdate]] = []
    """One of each position that changed."""
    holdings: list[Holding] = []
    """The same positions as marks and accounts need them, in the same order."""
    cash: list[CashMove] = []
    splits: list[tuple[str, Decimal, int]] = []
    """Symbol, ratio and time (0: now) of splits that took effect: prices of before them are in old shares."""
    rejects: list[Reject] = []
