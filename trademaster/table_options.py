"""How a table of ticks is read: what `pipe` and `ingest` were told on the command line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class TableOptions:
    """Options of a CSV or Parquet file."""

    topic: str = "market.ticks"
    columns: Mapping[str, str] = field(default_factory=dict)
    """Our field to the table's column; fields not named are looked for under their own names."""
    price_scale: float = 1.0
    """Prices of the table times this are prices."""
    symbol: str | None = None
    """Symbol of every row."""
    time_format: str | None = None
    """ns, us, ms, s or a strptime format; None: recognised."""
    time_zone: str = "UTC"
    """Of dates that name no zone."""
    header: bool = True
    """The first line names the columns."""
