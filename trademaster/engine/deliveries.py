"""Which delivery a run is, and what it reads. Loads no engine."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module

from flows.delivery import Delivery
from flows.table import DELIVERIES
from schemas.errors import SettingsError
from trademaster.settings import Settings


def find_delivery(names: Sequence[str]) -> Delivery | None:
    """The delivery that a run of these names is; None: it is flows."""
    if names[0] not in DELIVERIES:
        return None
    delivery: Delivery = import_module(f"flows.{names[0]}").DELIVERY
    return delivery


def delivery_topics(delivery: Delivery, settings: Settings) -> tuple[str, ...]:
    """The topics that a delivery reads with these settings.

    Raises:
        SettingsError: it cannot deliver one of them.
    """
    name, known = delivery.row.name, delivery.row.reads
    topics = delivery.topics(getattr(settings, name))
    if strangers := [topic for topic in topics if topic not in known]:
        raise SettingsError(f"{name}.topics: expected some of {', '.join(known)}, found {', '.join(strangers)}", hint="name those only")
    return topics
