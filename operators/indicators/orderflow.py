"""Indicators that are made of ticks: their names and what they mean. What computes them is ``operators/orderflow/``."""

from __future__ import annotations


class FlowIndicator:
    """Base: a definition. Its value is that of the window of a bar, so bars must be of one of ``market.intervals``."""


class Ofi(FlowIndicator):
    """``ofi``: order flow imbalance of the bar's quotes (Cont, Kukanov, Stoikov, The Price Impact of Order Book Events, 2014).

    Sum over quotes of ``bid size if bid >= before - bid size before if bid <= before - ask size if ask <= before
    + ask size before if ask >= before``. Quotes without sizes count for nothing, the first of all adds nothing. Made of
    ``market.ticks``: None where no tick of the bar's window was seen, or no such quote ever.
    """


class Microprice(FlowIndicator):
    """``microprice``: ``(ask * bid size + bid * ask size) / (bid size + ask size)`` of the last quote before the bar's end.

    Made of ``market.ticks``, as ``ofi``.
    """


class Vpin(FlowIndicator):
    """``vpin(volume,buckets)``: ``sum of |bought - sold| / (buckets * volume)`` over the last full buckets of that volume.

    Easley, Lopez de Prado, O'Hara, Flow Toxicity and Liquidity in a High-Frequency World, 2012. A trade is bought or sold as its side
    says, else by the tick rule (at a higher price than the trade before bought, at a lower one sold, at the same as at the last move,
    before any move half of it), not in bulk. Made of ``market.ticks``; buckets go on over bars; None until that many are full.
    """

    def __init__(self, volume: float, buckets: int) -> None:
        self.volume = volume
        self.buckets = buckets
