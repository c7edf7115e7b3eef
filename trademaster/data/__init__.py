"""Sample data that comes with the program."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import as_file, files

from sources.columns import TableOptions
from sources.csv import read_ticks
from sources.table import TickBlock

AMZN_TRADES = "amzn-trades-2012-06-21.csv.gz"

AMZN_OPTIONS = TableOptions.parse(price_scale="0.0001", symbol="AMZN", time_zone="America/New_York")
"""How the file is read."""


def amzn_trades() -> Iterator[TickBlock]:
    """The 11,419 trades of AMZN on 2012-06-21, 13:30 to 20:00 UTC, in blocks in order of time."""
    with as_file(files(__name__) / AMZN_TRADES) as path:
        yield from read_ticks(path, AMZN_OPTIONS)
