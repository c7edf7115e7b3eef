"""From the program's settings to those of each flow's operators."""

from __future__ import annotations

from typing import Any

from trademaster.settings import MarketSettings as MarketSection
from trademaster.settings import Settings
from trademaster.signals_settings import SignalsSettings as SignalsSection


def flow_settings(flow: str, settings: Settings) -> Any:
    """The frozen settings that a flow's operators take; to a flow of somebody's own those of the program."""
    if flow == "market":
        from operators.market.output import MarketSettings

        market = settings.market
        return MarketSettings(
            intervals=tuple(str(interval) for interval in market.intervals),
            lateness_ns=market.lateness.ns,
            quiet_after_ns=market.quiet_after.ns,
            ewma_lambda=market.ewma_lambda,
        )
    if flow == "orders":
        from operators.orders.settings import OrdersSettings

        orders = settings.orders
        return OrdersSettings(orders.unknown_after.ns, orders.collar, orders.buying_power, orders.restricted)
    if flow == "paper":
        from operators.orders.settings import PaperSettings

        paper = settings.paper
        return PaperSettings(
            paper.participation,
            paper.touch,
            paper.latency.ns,
            paper.jitter.ns,
            paper.seed,
            paper.fee_per_share,
            paper.fee_rate,
            paper.fee_minimum,
            paper.venue,
        )
    if flow == "portfolio":
        from operators.portfolio.settings import PortfolioSettings

        portfolio = settings.portfolio
        return PortfolioSettings(
            costing=portfolio.costing,
            currency=portfolio.currency,
            pivot=portfolio.pivot,
            opens_accounts=portfolio.unknown_accounts == "open",
            park_for_ns=portfolio.park_for.ns,
            fills_kept=portfolio.fills_kept,
            conflate_ns=portfolio.conflate.ns,
        )
    if flow == "signals":
        return signals_settings(settings.signals, settings.market)
    if flow == "risk":
        return _risk_settings(settings)
    return settings


def signals_settings(signals: SignalsSection, market: MarketSection) -> Any:
    """Those of the signals flow; bars and their windows are the market flow's."""
    from operators.indicators.settings import IndicatorSettings
    from operators.signals.settings import SignalsSettings, StrategySettings

    return SignalsSettings(
        IndicatorSettings(
            signals.indicators, tuple(str(interval) for interval in market.intervals), market.lateness.ns, market.quiet_after.ns
        ),
        tuple(StrategySettings(**strategy.model_dump()) for strategy in signals.strategies),
        account=signals.account,
        quantity=signals.quantity,
        allows_short=signals.short,
    )


def _risk_settings(settings: Settings) -> Any:
    from operators.risk.settings import RiskFlowSettings
    from operators.risk.statistics.portfolio import RiskSettings

    risk = settings.risk
    return RiskFlowSettings(
        interval=str(risk.interval),
        intervals=tuple(str(interval) for interval in settings.market.intervals),
        window=risk.window,
        numbers=RiskSettings(confidence=risk.confidence, horizon=risk.horizon, decay=risk.ewma_lambda),
        beta_symbol=risk.beta_symbol or None,
        currency=settings.portfolio.currency,
        pivot=risk.pivot,
        conflate_ns=risk.conflate.ns,
    )
