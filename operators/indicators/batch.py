"""A table at once: the same recurrence, bar by bar."""

from __future__ import annotations

from collections.abc import Iterable

from operators.indicators.indicator import PriceBar, Value
from operators.indicators.names import parse_indicator
from schemas.errors import UsageError


def compute(name: str, bars: Iterable[PriceBar]) -> list[Value]:
    """What an indicator says of each bar of one symbol, in their order.

    Args:
        name: such as ``sma(20)``; one that needs a second symbol is refused.
        bars: oldest first.

    Raises:
        UsageError: there is no such indicator of one symbol.
    """
    definition = parse_indicator(name)
    if definition.kind.is_flow:
        raise UsageError(f"expected an indicator of bars, found {name}", hint="it is made of ticks: OrderFlow takes them")
    if definition.other is not None:
        raise UsageError(f"expected an indicator of one symbol, found {name}", hint="compute_pair takes the bars of both")
    indicator = definition.make()
    return [indicator.update(bar) for bar in bars]


def compute_pair(name: str, bars: Iterable[tuple[PriceBar, PriceBar]]) -> list[float | None]:
    """The same of ``correlation(n,OTHER)`` or ``beta(n,OTHER)``, of pairs of own and other bars of one end."""
    definition = parse_indicator(name)
    if definition.other is None:
        raise UsageError(f"expected an indicator of two symbols, found {name}", hint="compute takes the bars of one")
    indicator = definition.make()
    return [indicator.update(own.close, other.close) for own, other in bars]
