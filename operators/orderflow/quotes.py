"""Order flow imbalance and microprice: what the best quotes say.

Of a quote and the one before it, Cont, Kukanov and Stoikov (The Price Impact of Order Book Events, 2014, equation 2)::

    e = bid_size          if bid >= bid before          - bid_size before    if bid <= bid before
      - ask_size          if ask <= ask before          + ask_size before    if ask >= ask before

A quote counts if it has both prices and both sizes, and is not older than the one before it.
"""

from __future__ import annotations

import numpy as np

from schemas.kernels import leaf

FIELDS = [
    ("quote_time", np.int64),  # of the latest quote that counted; -1: none yet
    ("bid", np.float64),
    ("ask", np.float64),
    ("bid_size", np.float64),
    ("ask_size", np.float64),
]


@leaf
def is_whole(tick: np.void) -> bool:
    """Whether a quote has both prices and both sizes."""
    finite = abs(tick["bid"]) + abs(tick["ask"]) + abs(tick["bid_size"]) + abs(tick["ask_size"])
    return bool(finite < np.inf and tick["bid_size"] >= 0.0 and tick["ask_size"] >= 0.0)


@leaf
def imbalance(symbol: np.void, tick: np.void) -> float:
    """What a quote adds; 0 where there is none before it."""
    if symbol["quote_time"] < 0:
        return 0.0
    change = 0.0
    if tick["bid"] >= symbol["bid"]:
        change += tick["bid_size"]
    if tick["bid"] <= symbol["bid"]:
        change -= symbol["bid_size"]
    if tick["ask"] <= symbol["ask"]:
        change -= tick["ask_size"]
    if tick["ask"] >= symbol["ask"]:
        change += symbol["ask_size"]
    return change


@leaf
def note_quote(symbol: np.void, tick: np.void) -> None:
    """Remember a quote as the one before the next."""
    symbol["quote_time"] = tick["time"]
    symbol["bid"] = tick["bid"]
    symbol["ask"] = tick["ask"]
    symbol["bid_size"] = tick["bid_size"]
    symbol["ask_size"] = tick["ask_size"]


@leaf
def microprice(tick: np.void) -> float:
    """``(ask * bid_size + bid * ask_size) / (bid_size + ask_size)``; NaN where both sizes are 0."""
    size = tick["bid_size"] + tick["ask_size"]
    return float((tick["ask"] * tick["bid_size"] + tick["bid"] * tick["ask_size"]) / size) if size > 0.0 else np.nan
