"""The section ``influxdb`` of the settings: where points go, and how long they are kept."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from schemas.times import MINUTE_NS
from trademaster.duration_settings import Duration, PositiveDuration
from trademaster.setting_types import DurationOrOff, Texts
from trademaster.settings_section import Section

TOPICS = (
    *("market.bars", "market.marks", "portfolio.pnl", "portfolio.accounts", "risk.exposure", "risk.alerts", "signals"),
    *("orders.updates", "system.health"),
)


def _an_hour(value: Duration | None) -> Duration | None:
    if value is not None and value.ns < 60 * MINUTE_NS:
        raise ValueError(f"expected at least 1h, which is the least that InfluxDB takes, or off, found {str(value)!r}")
    return value


Kept = Annotated[DurationOrOff, AfterValidator(_an_hour)]


class InfluxdbSettings(Section):
    """The delivery to InfluxDB. `docs/influxdb.md` says what is stored and how it is queried."""

    url: str = Field(default="http://localhost:8086", min_length=1, description="address of the server")
    org: str = Field(default="trademaster", description="organisation that the bucket belongs to; InfluxDB 1.8 has none")
    bucket: str = Field(default="trademaster", min_length=1, description="where points go; of InfluxDB 1.8 `DATABASE/POLICY`")
    token: str = Field(default="", description="that may write the bucket, and for the set-up make buckets and tasks")
    topics: Texts = Field(default=TOPICS, min_length=1, description="what is stored")
    request_points: int = Field(default=10_000, ge=1, le=1_000_000, description="most points of a request")
    wait: PositiveDuration = Field(default=Duration.of("200ms"), description="longest that a point waits for others of its request")
    buffer_points: int = Field(default=100_000, ge=1, le=100_000_000, description="most points on their way; then the bus is not read")
    senders: int = Field(default=2, ge=1, le=64, description="requests at the same time, of a process")
    gzip: bool = Field(default=True, description="compress requests")
    timeout: PositiveDuration = Field(default=Duration.of("30s"), description="longest wait for an answer")
    retention: Kept = Field(default=Duration.of("30d"), description="age at which the bucket forgets points, by event time; `off`: never")
    history_bucket: str = Field(
        default="trademaster_history", description="where tasks keep a point a minute, and rare events whole; empty: nowhere"
    )
    history_retention: Kept = Field(default=None, description="age at which that bucket forgets points; `off`: never")
