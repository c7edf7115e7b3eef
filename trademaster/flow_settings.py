"""From the program's settings to those of each flow's operators."""

from __future__ import annotations

from typing import Any

from trademaster.settings import Settings


def flow_settings(flow: str, settings: Settings) -> Any:
    """The frozen settings that a flow's operators take."""
    if flow == "market":
        from operators.market.output import MarketSettings

        market = settings.market
        return MarketSettings(
            intervals=tuple(str(interval) for interval in market.intervals),
            lateness_ns=market.lateness.ns,
            quiet_after_ns=market.quiet_after.ns,
            ewma_lambda=market.ewma_lambda,
        )
    raise AssertionError(f"no settings for flow {flow}")
