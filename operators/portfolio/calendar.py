"""The corporate actions that a ledger knows: which are in effect, and which wait for their time."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import msgspec

from operators.portfolio.actions import Effect
from schemas.control import Action
from schemas.events import Place

NEVER_NS = 2**63

AHEAD_NS = 60_000_000_000
"""An action that arrives when event time is at most this far from its time takes effect at once: clocks differ, and event time comes with
events. One that is announced earlier waits for its time. The risk flow keeps the same rule, for what it marks positions at."""


class Calendar:
    """Actions by id and by symbol. One whose time has not come changes nothing."""

    def __init__(self) -> None:
        self.by_id: dict[str, Effect] = {}
        self.next_ns = NEVER_NS
        """Earliest time at which one takes effect."""
        self._active: dict[str, list[Effect]] = {}
        self._pending: dict[str, list[Effect]] = {}

    def active(self, symbol: str) -> list[Effect]:
        """In effect, in order of time."""
        return self._active.get(symbol, [])

    def put(self, effect: Effect) -> None:
        """Add one that waits."""
        self.by_id[effect.id] = effect
        self._pending.setdefault(effect.action.symbol, []).append(effect)
        self.next_ns = min(self.next_ns, effect.time_ns)

    def remove(self, effect_id: str) -> Effect | None:
        """Forget one."""
        effect = self.by_id.pop(effect_id, None)
        if effect is not None:
            for effects in (self._active, self._pending):
                effects[effect.action.symbol] = [one for one in effects.get(effect.action.symbol, ()) if one is not effect]
        return effect

    def due(self, symbol: str, time_ns: int) -> list[Effect]:
        """Those of a symbol whose time has come and that are not in effect, in order."""
        pending = self._pending.get(symbol)
        return sorted((one for one in pending if one.time_ns <= time_ns), key=_order) if pending else []

    def all_due(self, time_ns: int) -> list[Effect]:
        """Those of every symbol."""
        due = [effect for symbol in self._pending for effect in self.due(symbol, time_ns)]
        return sorted(due, key=_order)

    def activate(self, effect: Effect) -> None:
        """Put one in effect."""
        symbol = effect.action.symbol
        effect.is_active = True
        self._pending[symbol] = [one for one in self._pending[symbol] if one is not effect]
        if not self._pending[symbol]:
            del self._pending[symbol]
        self._active[symbol] = sorted([*self.active(symbol), effect], key=_order)
        self.next_ns = min((one.time_ns for effects in self._pending.values() for one in effects), default=NEVER_NS)

    def dump(self) -> list[Any]:
        """Plain data."""
        return [
            (
                one.id,
                _encode(one.action),
                one.time_ns,
                one.sequence,
                one.since_ns,
                tuple(one.place),
                one.is_active,
                one.rate and str(one.rate),
            )
            for one in self.by_id.values()
        ]

    def load(self, stored: Iterable[Any]) -> None:
        """Continue from what ``dump`` returned."""
        for effect_id, action, time_ns, sequence, since_ns, place, is_active, rate in stored:
            effect = Effect(effect_id, _decode(action), time_ns, sequence, since_ns, Place(*place), None if rate is None else Decimal(rate))
            self.put(effect)
            if is_active:
                self.activate(effect)


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Action).decode


def _order(effect: Effect) -> Any:
    return effect.order
