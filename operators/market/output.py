"""What the market operator is set to, and what it makes of a frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from operators.market.state import LATE, NEGATIVE_PRICE
from operators.market.windows import lay_out
from schemas.alerts import Alert
from schemas.dead_letters import Reason
from schemas.errors import SettingsError
from schemas.events import Envelope
from schemas.market_frames import Bars, Marks
from schemas.ticks import Rows
from schemas.times import DAY_NS, SECOND_NS, format_time


@dataclass(frozen=True, slots=True)
class MarketSettings:
    """How bars are cut and when they close.

    Raises:
        SettingsError: a value is out of its bounds, or more windows would be open than there is room for.
    """

    intervals: tuple[str, ...] = ("1s", "1m")
    lateness_ns: int = 0
    """How far a symbol's tick may lie behind its latest and still count."""
    quiet_after_ns: int = SECOND_NS
    """How far the time of a partition runs ahead of a quiet symbol's window before it closes."""
    ewma_lambda: float = 0.94
    """Weight of the past in the variance, per tick."""

    def __post_init__(self) -> None:
        for name, value in (("lateness", self.lateness_ns), ("quiet_after", self.quiet_after_ns)):
            if not 0 <= value <= DAY_NS:
                raise SettingsError(f"expected market.{name} from 0 to 1d, found {value} ns")
        if not 0.0 < self.ewma_lambda < 1.0:
            raise SettingsError(f"expected market.ewma_lambda between 0 and 1, found {self.ewma_lambda}")
        lay_out(self.intervals, self.lateness_ns)


class Counts(NamedTuple):
    """What became of a frame's ticks: ``ticks == out + late + dead``. Watermark rows are no ticks."""

    ticks: int
    out: int
    """Applied."""
    late: int
    dead: int
    """Bad in themselves."""
    moved: int
    """Of those applied: came from another partition than the symbol's tick before (no guarantee holds for such a symbol)."""


@dataclass(frozen=True, slots=True, eq=False)
class MarketOutput:
    """What one frame made."""

    bars: Bars
    """Closed windows in the order of closing; of one symbol by end, then interval as set."""
    marks: Marks
    """The latest mark of each symbol that was touched, in the order of first touch."""
    alerts: list[Envelope[Alert]]
    rejects: npt.NDArray[np.void]
    """Shape (n,), dtype REJECT; see ``explain``."""
    rejected: Rows
    """Shape (n,): the rows themselves."""
    counts: Counts


def explain(reject: np.void, row: np.void) -> tuple[Reason, str]:
    """Why a tick was refused, for its dead letter."""
    if reject["reason"] == LATE:
        end, behind = format_time(int(reject["end"])), lateness_ns(reject, row)
        return Reason.LATE, f"expected a tick before its window closed at {end}, found one {behind} ns behind what was closed"
    if reject["reason"] == NEGATIVE_PRICE:
        prices = [float(row[name]) for name in ("price", "bid", "ask") if row[name] < 0]
        return Reason.NEGATIVE_PRICE, f"expected no price below zero (the instrument does not allow it), found {prices[0]}"
    return Reason.NUMBER, f"expected a finite price, found {float(row['price'])}"


def lateness_ns(reject: np.void, row: np.void) -> int:
    """How far a late tick lay behind its horizon: with so much more market.lateness it would have counted."""
    return int(reject["horizon"]) - int(row["time"])
