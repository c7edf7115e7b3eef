"""Market: what symbols trade at, and how much."""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import Dashboard

from trademaster.dashboards.board import board, chosen
from trademaster.dashboards.flux import latest, lines, points, totals
from trademaster.dashboards.panels import HALF, candle, graph, listing, number

SYMBOL = "${__field.labels.symbol}"
SYMBOL_AND_FIELD = "${__field.labels.symbol} ${__field.labels._field}"
OHLCV = ("open", "high", "low", "close", "volume")


def market() -> Dashboard:
    """The dashboard over ``market.marks``, ``market.bars`` and the alerts of symbols."""
    chosen_symbol, chosen_bars = ["symbol"], ["symbol", "interval"]
    panels = [
        number("Last price", lines("market_marks", ["price"], by=["symbol"], where=chosen_symbol), name=SYMBOL, unit="currencyUSD"),
        number("Volume of the day", lines("market_marks", ["day_volume"], by=["symbol"], where=chosen_symbol), name=SYMBOL),
        number("Spread", _spread(), name=SYMBOL, unit="none", says="Ask less bid over the mid, in basis points."),
        number(
            "Realised volatility of the day",
            lines("market_marks", ["realized_volatility"], by=["symbol"], where=chosen_symbol),
            name=SYMBOL,
            unit="percentunit",
            says="Root of the sum of the day's squared logarithmic returns.",
        ),
        candle("$symbol, bars of $interval", _candles()),
        graph(
            "Bid, ask and last price",
            lines("market_marks", ["bid", "ask", "price"], by=["symbol"], where=chosen_symbol),
            name=SYMBOL_AND_FIELD,
        ),
        graph("Close and VWAP", lines("market_bars", ["close", "vwap"], by=["symbol"], where=chosen_bars), name=SYMBOL_AND_FIELD),
        graph("Volume of bars", totals("market_bars", "volume", by=["symbol"], fn="sum", where=chosen_bars), name=SYMBOL),
        graph("Trades of bars", totals("market_bars", "trade_count", by=["symbol"], fn="sum", where=chosen_bars), name=SYMBOL),
        graph("Spread in basis points", _spread(), name=SYMBOL, unit="none"),
        graph(
            "EWMA volatility",
            lines("market_marks", ["ewma_volatility"], by=["symbol"], where=chosen_symbol),
            name=SYMBOL,
            unit="percentunit",
            says="Per tick: root of the exponentially weighted mean of squared logarithmic returns.",
            span=HALF,
        ),
        listing(
            "Marks",
            latest("market_marks", ["price", "bid", "ask", "mid", "day_volume", "realized_volatility"], by=["symbol"], where=chosen_symbol),
            units={"realized_volatility": "percentunit"},
        ),
    ]
    variables = [chosen("symbol", "market_marks", label="Symbol"), chosen("interval", "market_bars", multi=False, label="Bars of")]
    return board("Market", panels, variables=variables, says="What symbols trade at, and how much.", alerts_of="symbol")


def _candles() -> str:
    """Each bar as it is, never one made of several: the interval is chosen instead."""
    return (
        f"{points('market_bars', OHLCV, where=['symbol', 'interval'])}\n"
        '  |> pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value")\n'
        '  |> group()\n  |> keep(columns: ["_time", "open", "high", "low", "close", "volume"])\n  |> sort(columns: ["_time"])'
    )


def _spread() -> str:
    return (
        f"{lines('market_marks', ['bid', 'ask'], by=['symbol'], where=['symbol'])}\n"
        '  |> group(columns: ["symbol"])\n'
        '  |> pivot(rowKey: ["_time", "symbol"], columnKey: ["_field"], valueColumn: "_value")\n'
        "  |> filter(fn: (r) => exists r.bid and exists r.ask and r.ask + r.bid > 0.0)\n"
        "  |> map(fn: (r) => ({_time: r._time, symbol: r.symbol, _value: 20000.0 * (r.ask - r.bid) / (r.ask + r.bid)}))"
    )
