"""The settings: one typed, frozen object. ``trademaster/settings_sources.py`` reads it, ``docs/settings.md`` lists it."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from trademaster.archive_settings import ArchiveSection
from trademaster.duration_settings import Duration, PositiveDuration
from trademaster.influxdb_settings import InfluxdbSettings
from trademaster.records_settings import RecordsSettings
from trademaster.setting_types import DurationOrOff, listed, off_is_none
from trademaster.settings_section import Section
from trademaster.signals_settings import SignalsSettings


def _distinct(values: tuple[Duration, ...]) -> tuple[Duration, ...]:
    if not values:
        raise ValueError("expected at least one duration, found none")
    if len(set(values)) < len(values):
        raise ValueError(f"expected different durations, found {', '.join(map(str, values))}")
    return values


Intervals = Annotated[tuple[PositiveDuration, ...], BeforeValidator(listed), AfterValidator(_distinct)]
DecimalOrOff = Annotated[Decimal | None, BeforeValidator(off_is_none)]


class BusSettings(Section):
    """Where topics are."""

    url: str = Field(
        default="embedded:data/bus", description="`embedded:FOLDER` or `kafka://HOST:PORT,HOST:PORT`; options follow after `?`"
    )
    patience: PositiveDuration = Field(
        default=Duration.of("30s"), description="how long the bus may be out of reach before a run stops with an error"
    )


class MarketSettings(Section):
    """The market flow."""

    intervals: Intervals = Field(default=(Duration.of("1s"), Duration.of("1m")), description="lengths of bars, any number of them")
    lateness: Duration = Field(
        default=Duration.of("0s"), description="how far behind its symbol's newest tick a tick may be and still count"
    )
    quiet_after: Duration = Field(
        default=Duration.of("1s"), description="how far its partition must have passed a quiet symbol's bar to close it"
    )
    ewma_lambda: float = Field(default=0.94, gt=0, lt=1, description="weight of the past in the EWMA variance")
    idle_after: DurationOrOff = Field(
        default=None, description="close bars of an idle feed by the wall clock; gives up identical replay; `off`: never"
    )


class OrdersSettings(Section):
    """The orders flow."""

    unknown_after: PositiveDuration = Field(
        default=Duration.of("1m"), description="event time for which a report on an unknown order waits for the order's command"
    )
    collar: DecimalOrOff = Field(
        default=None,
        gt=0,
        description="most distance of a limit price from the last mark (of a stop limit from its stop), 0.05 being 5% of it; `off`: any",
    )
    buying_power: DecimalOrOff = Field(
        default=None,
        gt=0,
        description="most gross exposure, with open orders that add to it, as a multiple of the equity; `off`: any",
    )
    restricted: Annotated[tuple[str, ...], BeforeValidator(listed)] = Field(
        default=(), description="symbols in which no order may be placed"
    )


Amount = Annotated[Decimal, Field(ge=0)]


class PaperSettings(Section):
    """The paper exchange."""

    participation: Decimal = Field(default=Decimal(1), gt=0, le=1, description="share of a tick's size that all our orders may take")
    touch: float = Field(default=1.0, ge=0, le=1, description="probability that a tick at a limit's price fills it; one beyond always does")
    latency: Duration = Field(default=Duration.of("0s"), description="event time from an order or a cancel to its effect at the exchange")
    jitter: Duration = Field(default=Duration.of("0s"), description="most event time that chance adds to the latency")
    seed: int = Field(default=7, description="of what is left to chance: the same seed, the same fills")
    fee_per_share: Amount = Field(default=Decimal(0), description="fee for each unit filled, in the instrument's currency")
    fee_rate: Amount = Field(default=Decimal(0), description="fee as a fraction of the notional")
    fee_minimum: Amount = Field(default=Decimal(0), description="least fee of a fill")
    venue: str = Field(default="PAPER", min_length=1, description="venue that its reports name")


class PortfolioSettings(Section):
    """The portfolio flow."""

    costing: Literal["average", "fifo", "lifo"] = Field(default="average", description="which lots a reducing fill takes")
    currency: str = Field(default="USD", min_length=1, description="of an account that nobody opened")
    pivot: str = Field(default="USD", min_length=1, description="currency through which two others are converted that have no pair")
    unknown_accounts: Literal["open", "reject"] = Field(
        default="open", description="a report of an account that nobody opened: `open` it with no cash, or `reject` the report"
    )
    park_for: PositiveDuration = Field(
        default=Duration.of("1h"), description="event time for which a bust or correction waits for its fill"
    )
    fills_kept: int = Field(default=10_000, ge=1, description="fills of a position that can be busted or corrected; older ones are final")
    conflate: Duration = Field(
        default=Duration.of("0s"),
        description="event time for which changes of P&L and balances may wait while many ticks come, so that less is said; 0s: none wait",
    )


class RiskSettings(Section):
    """The risk flow."""

    interval: PositiveDuration = Field(
        default=Duration.of("1m"), description="length of the bars whose returns make VaR, volatility and beta"
    )
    window: int = Field(default=252, ge=2, le=500, description="most returns that are used")
    confidence: float = Field(default=0.99, gt=0, lt=1, description="of value at risk and expected shortfall")
    horizon: int = Field(default=1, ge=1, le=10_000, description="bars that they look ahead, by the root of time")
    ewma_lambda: float = Field(default=0.94, gt=0, lt=1, description="weight of the past in the EWMA value at risk")
    beta_symbol: str = Field(default="", description="what beta is to, such as `SPY`; empty: nothing")
    pivot: str = Field(
        default="USD", min_length=1, description="currency of the firm, through which two others are converted that have no pair"
    )
    conflate: Duration = Field(
        default=Duration.of("1s"),
        description="event time for which exposures may wait while many accounts change at once; limits never wait; 0s: none wait",
    )


class EngineSettings(Section):
    """How flows are run."""

    processes: int = Field(default=1, ge=1, le=256, description="worker processes on this machine")
    epoch_interval: PositiveDuration = Field(default=Duration.of("10s"), description="how often state is stored and outputs are confirmed")
    recovery: bool = Field(default=True, description="store state, and resume from it")
    recovery_dir: Path = Field(default=Path("data/recovery"), description="folder of stored state")
    metrics_port: int = Field(default=0, ge=0, le=65535, description="port of the Prometheus page; 0: none")
    max_batch: int = Field(default=10_000, ge=1, le=1_000_000, description="most records of one poll")
    max_wait: Duration = Field(default=Duration.of("2ms"), description="least time between two polls that bring little; 0s: none")
    source_parts: int = Field(default=2, ge=1, le=1024, description="groups of partitions that are read apart; part of stored state")


class TopicsSettings(Section):
    """How topics are made by `trademaster topics create`."""

    partitions: int = Field(default=8, ge=1, le=10_000, description="of a topic that is not read whole by every shard")
    replication: int = Field(default=1, ge=1, le=100, description="copies of each partition; Kafka only")
    retention: PositiveDuration = Field(
        default=Duration.of("30d"), description="how long records of topics that are not compacted are kept"
    )
    retention_bytes: int = Field(default=-1, ge=-1, description="most bytes a topic keeps; -1: no bound of its own")


class LogSettings(Section):
    """What is said on stderr."""

    level: Literal["debug", "info", "warning", "error"] = Field(default="info", description="least level that is shown")
    format: Literal["auto", "json", "text"] = Field(default="auto", description="`auto`: text on a terminal, else a JSON object a line")
    progress: Literal["auto", "on", "off"] = Field(default="auto", description="a line of progress; `auto`: if stderr is a terminal")


class Settings(BaseSettings):
    """Everything that can be set. Made by ``trademaster.settings_sources.load_settings``."""

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", env_prefix="TRADEMASTER_", env_nested_delimiter="__", enable_decoding=False, validate_default=True
    )

    bus: BusSettings = BusSettings()
    market: MarketSettings = MarketSettings()
    orders: OrdersSettings = OrdersSettings()
    paper: PaperSettings = PaperSettings()
    portfolio: PortfolioSettings = PortfolioSettings()
    signals: SignalsSettings = SignalsSettings()
    risk: RiskSettings = RiskSettings()
    archive: ArchiveSection = ArchiveSection()
    records: RecordsSettings = RecordsSettings()
    influxdb: InfluxdbSettings = InfluxdbSettings()
    engine: EngineSettings = EngineSettings()
    topics: TopicsSettings = TopicsSettings()
    log: LogSettings = LogSettings()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Nothing is read behind the caller's back: ``load_settings`` layers the sources, so that each value knows its origin."""
        del settings_cls, env_settings, dotenv_settings, file_secret_settings
        return (init_settings,)
