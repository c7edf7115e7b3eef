"""The Case of the desk of strategies."""

from __future__ import annotations

import random
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import msgspec

from operators.contract import Case, Said
from operators.indicators.measured import Measured
from operators.indicators.settings import IndicatorSettings
from operators.signals.desk import StrategyDesk
from operators.signals.settings import SignalsSettings, StrategySettings
from schemas.events import Event
from tests.operators.cases_indicators import prices

SETTINGS = SignalsSettings(
    IndicatorSettings(("sma( 2 )",), ("1s", "1m")),
    (
        StrategySettings("average", expression="close > sma(2) ? 'buy' : close < sma(2) ? 'sell' : 'flat'", strength="close / 100"),
        StrategySettings("rising", buy="close > open", flat="close < open && last == 'buy'", symbols=("AMZN",)),
        StrategySettings("dividing", buy="1 / volume > 0.001", sell="volume / (close - open) < 0", interval="1m"),
    ),
    account="ACC",
    quantity=Decimal("2.5"),
    allows_short=False,
)


def measured(seed: int) -> Sequence[Measured]:
    """Bars of two symbols in two intervals with an average that is sometimes none."""
    rng = random.Random(seed)
    bars = prices(rng, rng.randrange(1, 60))
    return [
        Measured(rng.choice(["AMZN", "MSFT"]), rng.choice(["1s", "1m", None]), bar, at, {"sma( 2 )": rng.choice([None, 100.0, bar.close])})
        for at, bar in enumerate(bars)
    ]


def apply(desk: StrategyDesk, bars: Sequence[Measured]) -> Said:
    """All that is said, by id."""
    said = desk.on_measured(bars)
    made: list[Event[Any]] = [*said.signals, *said.commands]
    events = [(event.header.event_id, msgspec.json.encode(event.envelope).decode()) for event in made]
    return Said([*events, *((f"{one.offset}/{one.index}", one.detail) for one in said.rejects)])


CASES: dict[type, Case] = {StrategyDesk: Case(make=lambda: StrategyDesk(SETTINGS), inputs=measured, apply=apply)}
