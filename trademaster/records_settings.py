"""The section ``records`` of the settings: where orders, fills, positions, alerts, audit and limits are kept in SQL."""

from __future__ import annotations

import json
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from flows.table import RECORDS
from trademaster.settings_section import Section


def _listed(value: Any) -> Any:
    """A comma list or JSON becomes a list."""
    if not isinstance(value, str):
        return value
    return json.loads(value) if value.strip().startswith("[") else [part.strip() for part in value.split(",") if part.strip()]


class RecordsSettings(Section):
    """The delivery of records to SQL. `docs/records.md` has the tables."""

    url: str = Field(
        default="sqlite:///data/records.db",
        min_length=1,
        description="`sqlite:///FILE` or `postgresql://USER:PASSWORD@HOST:PORT/DATABASE`",
    )
    topics: Annotated[tuple[str, ...], BeforeValidator(_listed)] = Field(
        default=RECORDS.reads, min_length=1, description="what is stored; some of those of the default"
    )
    max_rows: int = Field(default=5_000, ge=1, le=1_000_000, description="most records of a transaction")
