"""The section ``archive`` of the settings: where records are kept as Parquet files, and for how long."""

from __future__ import annotations

from pydantic import Field

from flows.table import ARCHIVE
from trademaster.duration_settings import Duration, PositiveDuration
from trademaster.setting_types import Texts
from trademaster.settings_section import Section


class ArchiveSection(Section):
    """The delivery of records to Parquet files. `docs/archive.md` has the layout."""

    url: str = Field(
        default="data/archive",
        min_length=1,
        description="a folder, or `s3://BUCKET/PREFIX` with credentials and endpoint in `AWS_*` variables",
    )
    topics: Texts = Field(default=ARCHIVE.reads, min_length=1, description="what is archived; some of those of the default")
    roll_after: PositiveDuration = Field(
        default=Duration.of("30s"), description="how often what was read becomes files; what is not in files yet a restart reads again"
    )
    buffer_bytes: int = Field(
        default=64 << 20, ge=1 << 16, description="most bytes of records that wait for that; with more the largest topic is written before"
    )
    file_bytes: int = Field(default=128 << 20, ge=1 << 16, description="up to this size small files are joined")
    quiet_after: PositiveDuration = Field(
        default=Duration.of("10m"), description="an hour to which nothing has come for so long has all its files joined"
    )
    retention: Duration = Field(
        default=Duration.of("30d"), description="how long records are kept after they were appended to their topic; `0s`: for ever"
    )
