"""Cases of the operators of risk."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from operators.contract import Case, Said
from operators.risk.edges import Cause
from operators.risk.episodes import STOPS, Episodes
from operators.risk.keys import FIRM, Key
from schemas.control import Limit
from schemas.events import Event, Place

KEYS = [FIRM, Key("A"), Key("B"), Key("A", "X"), Key(None, "X")]

LIMITS = [
    Limit("one", "gross_exposure", "account", Decimal(100), account="A"),
    Limit("one", "gross_exposure", "firm", Decimal(80), clear=Decimal(20)),
    Limit("one", "gross_exposure", "firm", Decimal(80), enabled=False),
    Limit("one", "margin_cushion", "account", Decimal(50), account="A"),
    Limit("two", "position", "account+symbol", Decimal("95.5"), account="A", symbol="X"),
    Limit("two", "take_profit", "symbol", Decimal(90), symbol="X"),
    Limit("two", "position", "symbol", Decimal(10), symbol="X"),
]


def says(alert: Event[Any] | None) -> list[tuple[str, Any]]:
    return [(alert.header.event_id, msgspec.json.encode(alert.envelope).decode())] if alert else []


def episode_inputs(seed: int) -> Sequence[Any]:
    """Values of a random walk, and limits that are set, changed, deleted."""
    rng, value, inputs = random.Random(seed), 50, list[Callable[[Episodes], list[tuple[str, Any]]]]()
    for at in range(rng.choice([5, 60])):
        cause = Cause(at, f"cause-{at}", Place("market.ticks", 0, at))
        value += rng.randrange(-60, 61)
        what = rng.randrange(8)
        if what == 0:
            limit = rng.choice(LIMITS)
            inputs.append(_put(limit.limit_id, limit if rng.random() < 0.8 else None, cause))
        elif what == 1:
            inputs.append(_rearm(rng.choice(KEYS), at))
        else:
            number = Decimal(value) if rng.random() < 0.5 else float(value)
            inputs.append(_judge(rng.choice(KEYS), None if rng.random() < 0.1 else number, cause))
    return [_put("one", LIMITS[0], Cause(0, "first", Place("", 0, 0))), *inputs]


def _put(limit_id: str, limit: Limit | None, cause: Cause) -> Callable[[Episodes], list[tuple[str, Any]]]:
    return lambda episodes: [said for alert in episodes.put(limit_id, limit, cause) for said in says(alert)]


def _rearm(key: Key, time_ns: int) -> Callable[[Episodes], list[tuple[str, Any]]]:
    def rearm(episodes: Episodes) -> list[tuple[str, Any]]:
        for limit_id, limit in episodes.limits.items():
            if limit.rule in STOPS:
                episodes.rearm(limit_id, key, time_ns)
        return []

    return rearm


def _judge(key: Key, value: Decimal | float | None, cause: Cause) -> Callable[[Episodes], list[tuple[str, Any]]]:
    def judge(episodes: Episodes) -> list[tuple[str, Any]]:
        said = []
        for limit_id, limit in episodes.limits.items():
            if limit.rule in STOPS:
                edge = episodes.fire(limit_id, key, value or 0, cause) if value and value > limit.threshold else None
            else:
                edge = episodes.judge(limit_id, key, value, cause)
            said += says(edge.alert) if edge else []
        return said

    return judge


def apply_in_turn(operator: Any, inputs: Sequence[Any]) -> Said:
    said = Said()
    for one in inputs:
        said.decisions += one(operator)
    return said


CASES: dict[type, Case] = {
    Episodes: Case(make=lambda: Episodes(lambda limit: limit.rule != "price_band"), inputs=episode_inputs, apply=apply_in_turn),
}
