"""The demo's limits: a band on every price, and one rule for each trader that it meets now and then; and its kill switch."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

import msgspec

from schemas.bus import Bus, Records
from schemas.control import Limit, Trading

LIMITS = (
    Limit("demo", "price_band", "firm", Decimal("0.005")),
    Limit("demo-net", "net_exposure", "account", Decimal(40_000), account="TREND"),
    Limit("demo-position", "position", "account", Decimal(150), account="MAKER"),
    Limit("demo-trail", "trailing_stop", "account", Decimal("0.004"), account="BREAKOUT", on_trigger="close"),
)
"""The second trips as the trend turns, by the third orders are refused, the fourth sells what fell."""

USER = "demo"


def limited(bus: Bus) -> None:
    """Put the limits in force."""
    keys = [limit.limit_id.encode() for limit in LIMITS]
    _write(bus, Records("control.limits", [0] * len(LIMITS), keys, [msgspec.json.encode(limit) for limit in LIMITS]))


def switched(bus: Bus, state: Literal["ACTIVE", "HALTED"]) -> None:
    """Halt all trading, or let it go on."""
    trading = Trading("firm", state, reason="a key was pressed", user=USER)
    _write(bus, Records("control.trading", [0], [b"firm"], [msgspec.json.encode(trading)]))


def _write(bus: Bus, records: Records) -> None:
    writer = bus.writer()
    writer.write(records)
    writer.flush()
    writer.close()
