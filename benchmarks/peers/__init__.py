"""One-second OHLCV bars of each symbol from the same Kafka topic, by other means, each checked as ours is.

::

    market.ticks ──► peer ──► peers.NAME        ours: ──► market.bars (1s and 1m), market.marks, risk.alerts
    8 partitions     on the same two cores as the broker, one after another, in one run
    1,000 symbols

Ours does more than the peers: bars of two intervals, marks, volatility and price bands. The peers' libraries are installed for this
benchmark only, in a cache folder, when they are first needed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmarks.options import Options
    from benchmarks.rows import Row


def run(options: Options) -> Iterator[Row]:
    """Ours, then each peer with its ratios to ours; the slow ones take fewer ticks."""
    # Imported here: the peers live in this package, and shall not pay for what runs them.
    from benchmarks.peers.side_by_side import compare

    return compare(options)
