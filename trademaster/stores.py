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


def _records(settings: Settings, opening: Opening) -> Store:
    from sinks.sql import SqlStore

    records = settings.records
    return SqlStore(records.url, opening, max_rows=records.max_rows)


def _influxdb(settings: Settings, opening: Opening) -> Store:
    from sinks.influx.outbox import Limits
    from sinks.influx.requests import Target
    from sinks.influxdb import InfluxStore

    section = settings.influxdb
    target = Target(section.url, section.org, section.bucket, section.token, section.gzip, section.timeout.seconds)
    limits = Limits(section.request_points, section.wait.seconds, section.buffer_points, section.senders)
    return InfluxStore(target, limits, opening)


OPEN: dict[str, Callable[[Settings, Opening], Store]] = {"influxdb": _influxdb, "archive": _archive, "records": _records}


def _prepare_records(settings: Settings) -> None:
    from sinks.sql import prepare_records

    prepare_records(settings.records.url)


PREPARE: dict[str, Callable[[Settings], None]] = {"records": _prepare_records}
"""What is asked once, before a delivery's processes start: later an outage is waited for, now it is more likely a slip."""


def open_store(name: str, settings: Settings, opening: Opening) -> Store:
    """The store of that delivery.

    Raises:
        SettingsError, StoreError: it cannot be opened, and why.
    """
    return OPEN[name](settings, opening)


def prepare_store(name: str, settings: Settings) -> None:
    """Make a delivery's store ready, where it must be.

    Raises:
        SettingsError, StoreError: it cannot be reached, or cannot work as it is set up.
    """
    if prepare := PREPARE.get(name):
        prepare(settings)
