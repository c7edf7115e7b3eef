"""The section ``records`` of the settings: where orders, fills, positions, alerts, audit and limits are kept in SQL."""

from __future__ import annotations

from pydantic import Field

from flows.table import RECORDS
from trademaster.setting_types import Texts
from trademaster.settings_section import Section


class RecordsSettings(Section):
    """The delivery of records to SQL. `docs/records.md` has the tables."""

    url: str = Field(
        default="sqlite:///data/records.db",
        min_length=1,
        description="`sqlite:///FILE` or `postgresql://USER:PASSWORD@HOST:PORT/DATABASE`",
    )
    topics: Texts = Field(default=RECORDS.reads, min_length=1, description="what is stored; some of those of the default")
    max_rows: int = Field(default=5_000, ge=1, le=1_000_000, description="most records of a transaction")
