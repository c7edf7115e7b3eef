"""Average directional index."""

from __future__ import annotations

from operators.indicators.averages import wilder
from operators.indicators.indicator import Indicator, PriceBar
from operators.indicators.ranges import true_range


class Adx(Indicator):
    """``adx(n)`` (Wilder, New Concepts, 1978).

    pdi, mdi = 100 * smoothed directional movement up, down / smoothed true range; adx = Wilder's average of
    ``100 * |pdi - mdi| / (pdi + mdi)``. Movement and range are seeded with bars 2 to n + 1, where pdi and mdi begin, adx with the mean of
    its first n values: it begins at bar 2 n. What has not moved has movement 0.
    """

    __slots__ = ("_adx", "_before", "_down", "_range", "_up")

    def __init__(self, n: int) -> None:
        self._before: tuple[float, float, float] | None = None
        self._range = wilder(n)
        self._up = wilder(n)
        self._down = wilder(n)
        self._adx = wilder(n)

    def update(self, bar: PriceBar) -> dict[str, float | None] | None:
        """Take the next bar."""
        before, self._before = self._before, (bar.high, bar.low, bar.close)
        if before is None:
            return None
        rise, fall = bar.high - before[0], before[1] - bar.low
        reach = self._range.add(true_range(bar, before[2]))
        up = self._up.add(rise if rise > fall and rise > 0.0 else 0.0)
        down = self._down.add(fall if fall > rise and fall > 0.0 else 0.0)
        if reach is None or up is None or down is None:
            return None
        pdi, mdi = (100.0 * up / reach, 100.0 * down / reach) if reach > 0.0 else (0.0, 0.0)
        moved = pdi + mdi
        return {"pdi": pdi, "mdi": mdi, "adx": self._adx.add(100.0 * abs(pdi - mdi) / moved if moved > 0.0 else 0.0)}
