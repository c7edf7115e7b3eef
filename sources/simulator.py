"""A market that was never there: correlated prices, a few busy symbols and many quiet ones, the same for the same seed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from schemas.errors import UsageError
from schemas.symbols import MAX_SYMBOLS, SYMBOLS
from schemas.ticks import BUY, QUOTE, SELL, TICK, TRADE, Rows
from schemas.times import MAX_TIME_NS, MIN_TIME_NS, SECOND_NS

Floats = npt.NDArray[np.float64]
Int64s = npt.NDArray[np.int64]

STRIDE = 1 << 16
"""Ticks that are drawn at once, whatever the size of the blocks that are asked for: so a block's size changes nothing."""

STEP = 16
"""Ticks for which the market and its sectors stand still."""

HANDFUL = ("ALFA", "BRAV", "CHAR", "DELT", "ECHO")
"""Symbols of a demonstration."""

START_NS = 1_767_364_200 * SECOND_NS
"""2026-01-02 14:30 UTC: the opening of a New York session."""

_SESSION_S = 23_400.0
_YEAR_S = 252 * _SESSION_S


@dataclass(frozen=True, slots=True)
class Law:
    """How the simulated market behaves."""

    zipf: float = 1.0
    """The k-th symbol ticks in proportion to k**-zipf."""
    quote_share: float = 0.5
    """Share of ticks that are quotes; the others are trades at the bid or the ask."""
    market_share: float = 0.3
    """Share of a symbol's variance that all symbols have in common: the correlation of two symbols of different sectors."""
    sector_share: float = 0.2
    """Share that the symbols of one sector have in common besides."""
    sectors: int = 10
    """Symbol k is of sector k modulo ``sectors``."""
    volatility: tuple[float, float] = (0.15, 0.6)
    """Lowest and highest volatility of a symbol, per square root of a year of 252 sessions of 6.5 hours."""
    price: tuple[float, float] = (10.0, 500.0)
    """Lowest and highest first price."""
    tick_size: float = 0.01
    lot: int = 100
    u_shaped: bool = False
    """Busy at both ends of each 6.5 hours and calm between, with the same mean rate."""


class Simulator:
    """Ticks of ``symbols`` at ``rate`` a second of event time, in order of time.

    Attributes:
        names: the symbols, most active first.

    Deterministic: the same arguments give the same ticks, whatever the size of the blocks (with the same version of NumPy, whose
    generators may change). ``offset`` of a tick is its number from 1, ``partition`` 0, ``watermark`` its time.
    """

    def __init__(
        self,
        symbols: int | Sequence[str] = 1000,
        rate: float = 100_000.0,
        seed: int = 7,
        start_ns: int = START_NS,
        law: Law | None = None,
    ) -> None:
        """Raises UsageError: an argument is out of range."""
        law = law or Law()
        self.names = [f"SIM{number:04d}" for number in range(1, symbols + 1)] if isinstance(symbols, int) else list(symbols)
        self._check(rate, seed, start_ns, law)
        self._law, self._rate, self._seed, self._start_ns = law, rate, seed, start_ns
        self._codes = np.array([SYMBOLS.code(name) for name in self.names], np.int32)
        count = len(self.names)
        weight = np.arange(1, count + 1, dtype=np.float64) ** -law.zipf
        self._shares = np.cumsum(weight / weight.sum())
        rng = np.random.default_rng([seed, 0])
        self._first = np.exp(rng.uniform(np.log(law.price[0]), np.log(law.price[1]), count))
        self._sigma = rng.uniform(*law.volatility, count) / np.sqrt(_YEAR_S)
        self._spread = 1 + rng.geometric(0.5, count)
        self._own_share = 1.0 - law.market_share - law.sector_share
        self._warp = _u_shape() if law.u_shaped else None
        self._reset()

    @classmethod
    def handful(cls, rate: float = 200.0, seed: int = 7, start_ns: int = START_NS) -> Simulator:
        """A few lively symbols for a demonstration."""
        return cls(HANDFUL, rate, seed, start_ns, Law(zipf=0.5, volatility=(0.6, 1.2), price=(50.0, 250.0), sectors=2))

    def blocks(self, count: int | None = None, block: int = 8192) -> Iterator[Rows]:
        """The first ``count`` ticks (None: without end) in blocks of ``block`` rows, from the beginning.

        One iteration at a time: a second call starts anew.
        """
        self._reset()
        left = count
        held = np.empty(0, TICK)
        while left is None or left > 0:
            wanted = block if left is None else min(block, left)
            parts, found = [held], len(held)
            while found < wanted:
                parts.append(self._stride())
                found += len(parts[-1])
            rows = parts[0] if len(parts) == 1 else np.concatenate(parts)
            yield rows[:wanted].copy()
            held = rows[wanted:]
            left = None if left is None else left - wanted

    def _check(self, rate: float, seed: int, start_ns: int, law: Law) -> None:
        if not 1 <= len(self.names) <= MAX_SYMBOLS or len(set(self.names)) != len(self.names):
            raise UsageError(f"expected 1 to {MAX_SYMBOLS} different symbols, found {len(self.names)}")
        if not 0 < rate <= 1e8:
            raise UsageError(f"--rate: expected ticks a second above 0 and up to 100,000,000, found {rate:g}")
        if seed < 0 or not MIN_TIME_NS <= start_ns < MAX_TIME_NS:
            raise UsageError(f"expected a seed of at least 0 and a start from 1970 to 2199, found {seed} and {start_ns}")
        if law.market_share < 0 or law.sector_share < 0 or law.market_share + law.sector_share > 1:
            raise UsageError("expected shares of variance from 0 to 1, together at most 1")

    def _reset(self) -> None:
        count = len(self.names)
        self._strides = 0
        self._own = np.zeros(count)  # each symbol's own Brownian motion, at its latest tick
        self._seen_s = np.zeros(count)  # seconds from the start to that tick
        self._sequence = np.zeros(count, np.int64)
        self._common_s = 0.0
        self._common = np.zeros(1 + self._law.sectors)  # the market's and the sectors' Brownian motions

    def _stride(self) -> Rows:
        rng = np.random.default_rng([self._seed, 1, self._strides])
        numbers = np.arange(self._strides * STRIDE, (self._strides + 1) * STRIDE)
        self._strides += 1
        times = self._times(numbers, rng)
        who = np.searchsorted(self._shares, rng.random(STRIDE) * self._shares[-1], side="right")
        rows = np.zeros(STRIDE, TICK)
        ticks = self._prices(who, times, rows, rng)
        rows["time"] = rows["watermark"] = times
        rows["symbol"] = self._codes[who]
        rows["offset"] = numbers + 1
        rows["partition"], rows["index"] = 0, -1
        self._fill(rows, ticks, who, rng)
        return rows

    def _times(self, numbers: Int64s, rng: np.random.Generator) -> Int64s:
        """One tick somewhere in each 1 / rate of a second: in order, and at the rate over any time."""
        seconds = (numbers + rng.random(STRIDE)) / self._rate
        if self._warp is not None:
            session, within = np.divmod(seconds / _SESSION_S, 1.0)
            seconds = (session + np.interp(within, self._warp[1], self._warp[0])) * _SESSION_S
        # Seconds are small enough for a double to tell nanoseconds apart for half a year; order holds beyond it too.
        return self._start_ns + np.rint(seconds * SECOND_NS).astype(np.int64)

    def _prices(self, who: Int64s, times: Int64s, rows: Rows, rng: np.random.Generator) -> Int64s:
        """Middle price of each tick in units of the tick size; sets the sequence too."""
        law = self._law
        seconds = (times - self._start_ns) / SECOND_NS
        common = self._common_paths(seconds[::STEP], rng)
        order = np.argsort(who.astype(np.uint16) if len(self.names) <= 1 << 16 else who, kind="stable")  # radix sort where it can
        sorted_who, sorted_s = who[order], seconds[order]
        starts = np.flatnonzero(np.r_[True, sorted_who[1:] != sorted_who[:-1]])
        lengths = np.diff(np.r_[starts, STRIDE])
        present = sorted_who[starts]
        before = np.r_[0.0, sorted_s[:-1]]
        before[starts] = self._seen_s[present]
        moves = rng.standard_normal(STRIDE) * np.sqrt(np.maximum(sorted_s - before, 0.0))
        total = np.cumsum(moves)
        base = np.r_[0.0, total][starts] - self._own[present]
        own = total - np.repeat(base, lengths)
        rank = np.arange(STRIDE) - np.repeat(starts - self._sequence[present], lengths)
        ends = starts + lengths - 1
        self._own[present], self._seen_s[present] = own[ends], sorted_s[ends]
        self._sequence[present] += lengths
        motion = np.empty(STRIDE)
        motion[order] = own * np.sqrt(self._own_share)
        rows["sequence"][order] = rank + 1
        step = np.arange(STRIDE) // STEP
        motion += np.sqrt(law.market_share) * common[0][step] + np.sqrt(law.sector_share) * common[1 + who % law.sectors, step]
        sigma = self._sigma[who]
        price = self._first[who] * np.exp(sigma * motion - 0.5 * sigma * sigma * seconds)
        ticks: Int64s = np.maximum(np.rint(price / law.tick_size), 1).astype(np.int64)
        return ticks

    def _common_paths(self, steps_s: Floats, rng: np.random.Generator) -> Floats:
        """Brownian motions of the market and the sectors at each step; shape (1 + sectors, steps)."""
        moves = rng.standard_normal((1 + self._law.sectors, len(steps_s))) * np.sqrt(np.diff(steps_s, prepend=self._common_s))
        paths = np.cumsum(moves, axis=1) + self._common[:, None]
        self._common, self._common_s = paths[:, -1].copy(), float(steps_s[-1])
        return paths

    def _fill(self, rows: Rows, ticks: Int64s, who: Int64s, rng: np.random.Generator) -> None:
        """Kind, prices, sizes and side. A trade is at the bid or the ask that a quote would show at this moment."""
        law = self._law
        per_unit = 1.0 / law.tick_size
        exact = abs(per_unit - round(per_unit)) < 1e-9  # dividing by 100 gives the nearest double, multiplying by 0.01 may not
        bid = np.maximum(ticks - self._spread[who] // 2, 1)
        ask = bid + self._spread[who]
        bid_price, ask_price = ((side / round(per_unit) if exact else side * law.tick_size) for side in (bid, ask))
        quote = rng.random(STRIDE) < law.quote_share
        buys = rng.random(STRIDE) < 0.5
        bid_lots, ask_lots = law.lot * rng.geometric(0.4, (2, STRIDE)).astype(np.float64)
        rows["kind"] = np.where(quote, QUOTE, TRADE)
        rows["side"] = np.where(quote, 0, np.where(buys, BUY, SELL))
        rows["price"] = np.where(quote, np.nan, np.where(buys, ask_price, bid_price))
        rows["size"] = np.where(quote, np.nan, bid_lots)
        rows["bid"] = np.where(quote, bid_price, np.nan)
        rows["ask"] = np.where(quote, ask_price, np.nan)
        rows["bid_size"] = np.where(quote, bid_lots, np.nan)
        rows["ask_size"] = np.where(quote, ask_lots, np.nan)


def _u_shape() -> tuple[Floats, Floats]:
    """Times of a session from 0 to 1 and the share of its ticks until then; three times as busy at the ends as in the middle."""
    at = np.linspace(0.0, 1.0, 4097)
    share = 0.6 * at + 0.4 * ((2 * at - 1) ** 3 + 1) / 2
    return at, share / share[-1]
