"""The two buses, chosen by URL."""

from __future__ import annotations

from urllib.parse import unquote

from schemas.bus import Bus
from schemas.errors import SettingsError
from trademaster.bus.prefixed import PrefixedBus

_PREFIX = {"embedded": "prefix", "kafka": "trademaster.prefix"}
"""Option of a bus's URL that says how its topics' names begin."""


def with_prefix(url: str, prefix: str) -> str:
    """The URL of the topics of the same bus whose names begin so."""
    return f"{url}{'&' if '?' in url else '?'}{_PREFIX.get(url.partition(':')[0], 'prefix')}={prefix}"


def open_bus(url: str, *, patience_s: float | None = None) -> Bus:
    """Open ``embedded:FOLDER`` or ``kafka://HOST:PORT,HOST:PORT``.

    Args:
        url: a bus is chosen by its scheme; each has options of its own after ``?``. With ``prefix=TEXT`` (``trademaster.prefix=TEXT`` of
            Kafka) its topics have names that begin so, such as ``replay.market.ticks``.
        patience_s: how long the bus may be out of reach before BusUnavailable; None: what the URL says, or the bus's own default.

    Raises:
        SettingsError: no bus has such a URL.
    """
    url, prefix = _without_prefix(url)
    bus = _open(url, patience_s)
    return PrefixedBus(bus, prefix) if prefix else bus


def _without_prefix(url: str) -> tuple[str, str]:
    address, _, query = url.partition("?")
    option = f"{_PREFIX.get(url.partition(':')[0], 'prefix')}="
    options = query.split("&") if query else []
    prefixes = [unquote(one.removeprefix(option)) for one in options if one.startswith(option)]
    others = [one for one in options if not one.startswith(option)]
    return address + ("?" + "&".join(others) if others else ""), prefixes[-1] if prefixes else ""


def _open(url: str, patience_s: float | None) -> Bus:
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
