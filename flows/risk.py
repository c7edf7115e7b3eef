"""Positions, balances, orders and prices become exposure, margin, and alerts at the edges of limits.

::

    market.ticks ────────┬─► risk_rates ─► rates of exchange, to all shards of the steps below
    control.instruments ─┤
    control.actions ─────┤
    market.bars ─────────┼─► risk_symbols (a shard of symbols at a time) ─┬─► risk.alerts (stops, stale prices)
    portfolio.positions ─┤                                                ├─► orders.commands
    control.limits ──────┤  marks of what somebody holds, days          └─► dead.letters
                         │                        ▼
    portfolio.accounts ──┼─► risk_accounts (a shard of accounts) ─┬─► risk.exposure
    orders.updates ──────┤                                        ├─► risk.alerts
    control.accounts ────┤              new orders                └─► control.trading (halts)
                         │                  ▼
    control.trading ─────┴─► risk_firm (one) ─┬─► risk.exposure, risk.alerts, control.trading
                                              └─► audit
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import bytewax.operators as op
import numpy as np
from bytewax.operators import KeyedStream

from flows.flow import Context, Flow, Streams
from flows.rates import rates_of
from flows.table import RISK
from flows.verbs import NO_SHARD, at_once, by_shard, hosted, pick, shard_key, to_every_shard
from operators.risk.accounts.step import AccountsRiskStep
from operators.risk.firm.halts import FIRM_NAME
from operators.risk.firm.step import FirmRiskStep, Orders
from operators.risk.symbols.step import SymbolsStep
from operators.risk.together import Together
from schemas.event_outgoing import event_encoder
from schemas.portable_bars import portable
from schemas.risk_frames import joined_marks

FIRM_KEY = shard_key(FIRM_NAME)
"""The one shard of the firm."""


def build(inputs: Streams, context: Context) -> Streams:
    """Streams of what each shard made, by topic."""
    controls = {
        name: to_every_shard(f"risk_control_{name}", inputs[f"control.{name}"])
        for name in ("limits", "instruments", "accounts", "actions", "trading")
    }
    ticks, bars, positions = inputs["market.ticks"], inputs["market.bars"], inputs["portfolio.positions"]
    rates = rates_of("risk", ticks, controls["instruments"], context)
    of_symbol = by_shard("risk_positions_symbol", positions, lambda event: event.payload.symbol)
    watched = op.merge("risk_symbol_inputs", controls["instruments"], controls["limits"], controls["actions"], ticks, bars, of_symbol)
    symbols = hosted("risk_symbols", watched, context, symbols_step)
    marks = to_every_shard("risk_marks_all", at_once("risk_marks_joined", pick("risk_marks", symbols, "marks"), joined_marks))
    begun = op.flat_map("risk_days_each", pick("risk_days", symbols, "days"), lambda pair: [(pair[0], day) for day in pair[1]])
    days = to_every_shard("risk_days_all", begun)
    all_bars = to_every_shard("risk_bars_all", op.flat_map_batch("risk_bars", bars, bars_at_once))
    of_accounts = [
        op.map_value(
            f"risk_{name}_together", by_shard(f"risk_{name}_account", inputs[topic], lambda event: event.payload.account), Together
        )
        for name, topic in (("positions", "portfolio.positions"), ("balances", "portfolio.accounts"), ("orders", "orders.updates"))
    ]
    common = [controls["instruments"], controls["trading"], rates, marks, days, all_bars]
    about_accounts = op.merge("risk_account_inputs", controls["accounts"], controls["limits"], *common, *of_accounts)
    accounts = hosted("risk_accounts", about_accounts, context, partial(AccountsRiskStep, context.settings))
    alerts = pick("risk_alerts_symbols", symbols, "alerts")
    heard = [inputs["portfolio.positions"], inputs["portfolio.accounts"], alerts]
    orders = op.map("risk_orders_firm", pick("risk_orders", accounts, "orders"), lambda pair: (FIRM_KEY, Orders(pair[1])))
    events = [to_firm(f"risk_firm_events_{at}", stream) for at, stream in enumerate(heard)]
    firm = _firm(events, orders, [controls["limits"], *common], context)
    return {
        "risk.alerts": op.merge(
            "risk_alerts", alerts, pick("risk_alerts_accounts", accounts, "alerts"), pick("risk_alerts_firm", firm, "alerts")
        ),
        "risk.exposure": op.merge(
            "risk_exposure", pick("risk_exposure_accounts", accounts, "exposure"), pick("risk_exposure_firm", firm, "exposure")
        ),
        "control.trading": op.merge(
            "risk_halts", pick("risk_halts_accounts", accounts, "trading"), pick("risk_halts_firm", firm, "trading")
        ),
        "orders.commands": pick("risk_commands", symbols, "commands"),
        "audit": pick("risk_audit", firm, "audit"),
        "dead.letters": pick("risk_rejects", symbols, "rejects"),
    }


def _firm(
    events: Sequence[KeyedStream[Any]], orders: KeyedStream[Any], broadcast: Sequence[KeyedStream[Any]], context: Context
) -> KeyedStream[Any]:
    """The firm's step. It hears controls from their topics alone, each once, for it audits them."""
    heard = [_one_shard(f"risk_firm_{at}", stream) for at, stream in enumerate(broadcast)]
    told = op.merge("risk_firm_inputs", *heard, *events, orders)
    return hosted("risk_firm", told, replace(context, controls=()), partial(FirmRiskStep, context.settings))


def symbols_step(shard: int, state: dict[str, Any] | None) -> SymbolsStep:
    """The step of one shard; it has no settings."""
    return SymbolsStep(shard, state)


def bars_at_once(pairs: list[tuple[str, Any]]) -> list[tuple[str, Any]]:
    """The bars of a batch as one array, which goes to shards of other processes by the names of its symbols; then what is no bar."""
    bars = [item for _, item in pairs if isinstance(item, np.ndarray)]
    others = [pair for pair in pairs if not isinstance(pair[1], np.ndarray)]
    return [(NO_SHARD, portable(bars[0] if len(bars) == 1 else np.concatenate(bars))), *others] if bars else others


def to_firm(step_id: str, stream: KeyedStream[Any]) -> KeyedStream[Any]:
    """All events to the one shard of the firm, those of a batch at once."""
    return op.flat_map_batch(
        step_id, stream, lambda items: [(FIRM_KEY, Together([event for _, events in items for event in events]))] if items else []
    )


def _one_shard(step_id: str, stream: KeyedStream[Any]) -> KeyedStream[Any]:
    """Of what goes to all shards that of the firm."""
    return op.filter(step_id, stream, lambda pair: pair[0] == FIRM_KEY)


FLOW = Flow(
    row=RISK,
    build=build,
    encode=lambda _: {
        topic: event_encoder(topic) for topic in ("risk.alerts", "risk.exposure", "control.trading", "orders.commands", "audit")
    },
)
