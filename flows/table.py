"""The flows by name: what is known of each without loading its code, which takes a second."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FlowRow:
    """What a flow reads and writes. Its code is ``FLOW`` of the module ``flows.NAME``."""

    name: str
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    says: tuple[str, ...] = ()
    """Topics whose steps decide from more than one ordered input: after a crash they adopt what these already hold (law 5)."""


MARKET = FlowRow(
    name="market",
    reads=("market.ticks", "control.limits", "control.instruments"),
    writes=("market.bars", "market.marks", "risk.alerts", "dead.letters"),
    says=("risk.alerts",),
)

FLOWS = {row.name: row for row in (MARKET,)}
"""In this order flows are joined: a topic goes from an earlier to a later one inside the process."""
