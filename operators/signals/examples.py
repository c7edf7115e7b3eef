"""The strategies that ship, usable by their names. They are examples of rules, no advice."""

from __future__ import annotations

from operators.signals.settings import StrategySettings

EXAMPLES = {
    strategy.name: strategy
    for strategy in (
        StrategySettings(
            "crossover",
            expression="sma(5) > sma(20) ? 'buy' : sma(5) < sma(20) ? 'sell' : last",
            strength="math.abs(sma(5) - sma(20)) / atr(14)",
        ),
        StrategySettings(
            "breakout",
            buy="close > donchian(20).upper",
            sell="close < donchian(20).lower",
            flat="last == 'buy' && close < donchian(20).middle || last == 'sell' && close > donchian(20).middle",
        ),
        StrategySettings(
            "mean_reversion",
            buy="close < bb(20,2).lower && rsi(14) < 30",
            sell="close > bb(20,2).upper && rsi(14) > 70",
            flat="last == 'buy' && close >= bb(20,2).middle || last == 'sell' && close <= bb(20,2).middle",
            strength="math.abs(zscore(20)) / 4",
        ),
        StrategySettings(
            "momentum",
            buy="roc(12) > 0 && macd(12,26,9).histogram > 0 && adx(14).adx > 20",
            sell="roc(12) < 0 && macd(12,26,9).histogram < 0 && adx(14).adx > 20",
            flat="adx(14).adx < 15",
            strength="adx(14).adx / 50",
        ),
    )
}
"""By name."""
