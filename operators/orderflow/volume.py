"""VPIN: how one-sided the volume is that was traded last.

Volume is cut into buckets of one size, a trade goes on into the next where it does not fit. Of the last n full buckets (Easley, Lopez de
Prado, O'Hara, Flow Toxicity and Liquidity in a High-Frequency World, 2012)::

    vpin = sum of |bought - sold| / (n * bucket)

A trade is bought or sold as its side says; where it says none, by the tick rule: at a higher price than the trade before it is bought, at
a lower one sold, at the same as the one before. Before the first move half is bought. (The authors classify in bulk, by the normal
distribution of price changes over time bars; that looks at no trade, and so at no side that a venue tells.)
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from schemas.kernels import leaf

FIELDS = [
    ("last", np.float64),  # price of the trade before; NaN: none
    ("sign", np.int64),  # of the last move: 1, -1; 0: none yet
]

VPIN = np.dtype(
    [
        ("volume", np.float64),  # of a bucket
        ("first", np.int64),  # place of its first bucket among a symbol's
        ("buckets", np.int64),
    ],
    align=True,
)
"""One that is configured."""

BUCKET = np.dtype(
    [
        ("bought", np.float64),  # in the bucket that fills
        ("sold", np.float64),
        ("value", np.float64),  # NaN: not enough buckets yet
        ("full", np.int64),  # buckets that are kept
        ("next", np.int64),  # place of the one that the next replaces
    ],
    align=True,
)
"""The state of one VPIN of one symbol, beside the ring of its full buckets."""


@leaf
def share_bought(symbol: np.void, tick: np.void) -> float:
    """1, 0, or 0.5 of a trade: how much of it is bought. Remembers its price."""
    price = tick["price"]
    if price > symbol["last"]:
        symbol["sign"] = 1
    elif price < symbol["last"]:
        symbol["sign"] = -1
    symbol["last"] = price
    sign = tick["side"] if tick["side"] != 0 else symbol["sign"]
    return 0.5 + 0.5 * float(sign)


@leaf
def close_bucket(bucket: np.void, ring: npt.NDArray[np.float64], vpin: np.void, difference: float) -> None:
    """A bucket is full."""
    ring[vpin["first"] + bucket["next"]] = difference
    bucket["next"] = (bucket["next"] + 1) % vpin["buckets"]
    bucket["full"] = min(bucket["full"] + 1, vpin["buckets"])


@leaf
def add_volume(bucket: np.void, ring: npt.NDArray[np.float64], vpin: np.void, size: float, bought: float) -> None:
    """Take a trade's volume; ``bought`` is the share of it."""
    volume = vpin["volume"]
    room = volume - (bucket["bought"] + bucket["sold"])
    if size < room:
        bucket["bought"] += size * bought
        bucket["sold"] += size * (1.0 - bought)
        return
    rest = size - max(room, 0.0)
    close_bucket(bucket, ring, vpin, abs(bucket["bought"] - bucket["sold"] + max(room, 0.0) * (2.0 * bought - 1.0)))
    whole = np.floor(rest / volume)
    for _ in range(int(min(whole, float(vpin["buckets"])))):
        close_bucket(bucket, ring, vpin, volume * abs(2.0 * bought - 1.0))
    rest = max(rest - whole * volume, 0.0)
    bucket["bought"] = rest * bought
    bucket["sold"] = rest * (1.0 - bought)
    if bucket["full"] == vpin["buckets"]:
        total = 0.0
        for at in range(vpin["first"], vpin["first"] + vpin["buckets"]):
            total += ring[at]
        bucket["value"] = total / (volume * vpin["buckets"])
