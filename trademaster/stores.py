"""Opens the store of a delivery by the delivery's name. Each store's code, and the library behind it, is loaded when it is used."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from schemas.store import Opening, Store

if TYPE_CHECKING:
    from trademaster.settings import Settings


def _archive(settings: Settings, opening: Opening) -> Store:
    from sinks.parquet import ArchiveSettings, ParquetStore

    archive = settings.archive
    return ParquetStore(
        ArchiveSettings(
            url=archive.url,
            buffer_bytes=archive.buffer_bytes,
            file_bytes=archive.file_bytes,
            quiet_s=archive.quiet_after.seconds,
            kept_s=archive.retention.seconds,
        ),
        opening,
    )


OPEN: dict[str, Callable[[Settings, Opening], Store]] = {"archive": _archive}


def open_store(name: str, settings: Settings, opening: Opening) -> Store:
    """The store of that delivery.

    Raises:
        SettingsError, StoreError: it cannot be opened, and why.
    """
    return OPEN[name](settings, opening)
