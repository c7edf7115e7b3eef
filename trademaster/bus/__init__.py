"""The two buses, chosen by URL."""

from __future__ import annotations

from schemas.bus import Bus
from schemas.errors import SettingsError


def open_bus(url: str, *, patience_s: float | None = None) -> Bus:
    """Open ``embedded:FOLDER`` or ``kafka://HOST:PORT,HOST:PORT``.

    Args:
        url: a bus is chosen by its scheme; each has options of its own after ``?``.
        patience_s: how long the bus may be out of reach before BusUnavailable; None: what the URL says, or the bus's own default.

    Raises:
        SettingsError: no bus has such a URL.
    """
    scheme = url.partition(":")[0]
    if scheme == "embedded":
        from trademaster.bus.embedded import EmbeddedBus

        return EmbeddedBus(url) if patience_s is None else EmbeddedBus(url, patience_s=patience_s)
    if scheme == "kafka":
        # Imported here: who works on a laptop does not wait for the Kafka client to load.
        from trademaster.bus.kafka import KafkaBus

        if patience_s is not None:
            url += f"{'&' if '?' in url else '?'}trademaster.patience_s={patience_s:g}"
        return KafkaBus(url)
    raise SettingsError(f"{url!r} is no bus", hint="write embedded:FOLDER or kafka://HOST:PORT,HOST:PORT")
