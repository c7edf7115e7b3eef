"""Opens the store of a delivery by the delivery's name. Each store's code, and the library behind it, is loaded when it is used."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from schemas.store import Opening, Store

if TYPE_CHECKING:
    from trademaster.settings import Settings

OPEN: dict[str, Callable[[Settings, Opening], Store]] = {}


def open_store(name: str, settings: Settings, opening: Opening) -> Store:
    """The store of that delivery.

    Raises:
        SettingsError, StoreError: it cannot be opened, and why.
    """
    return OPEN[name](settings, opening)
