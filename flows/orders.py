"""Commands and execution reports become order updates; what may not leave is refused.

::

    orders.commands ─────┐
    orders.events ───────┤
    control.actions ─────┤
    control.limits ──────┼─► orders (a shard of accounts at a time) ─┬─► orders.updates
    control.trading ─────┤                                           ├─► risk.alerts (the critical ones of them)
    control.instruments ─┤                                           └─► dead.letters
    market.marks ────────┤
    portfolio.positions ─┤
    portfolio.accounts ──┘

Commands, reports and positions go to the shard of their account, all else to every shard: marks and balances a frame a batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import bytewax.operators as op

from flows.flow import Context, Flow, Streams
from flows.table import ORDERS
from flows.verbs import EVERYBODY, by_shard, hosted, pick, shard_key, to_every_shard
from operators.orders.step import OrdersStep
from schemas.balances import BalanceFrame, balance_frame
from schemas.event_outgoing import event_encoder
from schemas.events import Event, Watermark
from schemas.market_frames import Marks
from schemas.orders import OrderCommand
from schemas.portfolio import BalanceUpdate, PositionUpdate
from schemas.risk_frames import SymbolMarks
from schemas.symbol_marks import symbol_marks


def account_of(event: Event[Any]) -> str:
    """The account whose orders an event is about; a command without one is to all, a report without one is refused by the step."""
    return event.payload.account or (EVERYBODY if isinstance(event.payload, OrderCommand) else "")


def build(inputs: Streams, context: Context) -> Streams:
    """Streams of what each shard made, by topic."""
    commands = by_shard("orders_commands_by_account", inputs["orders.commands"], account_of)
    reports = by_shard("orders_events_by_account", inputs["orders.events"], account_of)
    positions = by_shard("orders_positions_by_account", inputs["portfolio.positions"], account_of)
    balances = to_every_shard("orders_balances_all", op.flat_map_batch("orders_balances", inputs["portfolio.accounts"], balances_at_once))
    marks = to_every_shard("orders_marks_all", op.flat_map_batch("orders_marks", inputs["market.marks"], marks_at_once))
    actions = to_every_shard("orders_actions", inputs["control.actions"])
    limits = to_every_shard("orders_limits", inputs["control.limits"])
    trading = to_every_shard("orders_trading", inputs["control.trading"])
    instruments = to_every_shard("orders_instruments", inputs["control.instruments"])
    events = op.merge("orders_inputs", commands, reports, positions, balances, marks, actions, limits, trading, instruments)
    made = hosted("orders", events, context, partial(OrdersStep, context.settings), known_at_start)
    return {
        "orders.updates": pick("orders_updates", made, "updates"),
        "risk.alerts": pick("orders_alerts", made, "alerts"),
        "dead.letters": pick("orders_rejects", made, "rejects"),
    }


def balances_at_once(pairs: list[tuple[str, list[Event[BalanceUpdate] | Watermark]]]) -> list[tuple[str, BalanceFrame]]:
    """One frame of a batch; watermarks say nothing here."""
    frame = balance_frame(event for _, events in pairs for event in events if isinstance(event, Event))
    return [("", frame)] if frame.balances else []


def marks_at_once(pairs: list[tuple[str, Marks]]) -> list[tuple[str, SymbolMarks]]:
    """One frame of a batch."""
    parts = [marks for _, marks in pairs if len(marks)]
    return [("", symbol_marks(parts))] if parts else []


def known_at_start(key: str, events: Sequence[Event[Any]]) -> list[Event[Any] | BalanceFrame]:
    """Of what the topics of positions and balances hold at a fresh start, what a shard must know before its first command."""
    positions: list[Event[Any] | BalanceFrame] = [
        event for event in events if isinstance(event.payload, PositionUpdate) and shard_key(event.payload.account) == key
    ]
    frame = balance_frame(event for event in events if isinstance(event.payload, BalanceUpdate))
    return [*positions, frame] if frame.balances else positions


FLOW = Flow(row=ORDERS, build=build, encode=lambda _: {topic: event_encoder(topic) for topic in ("orders.updates", "risk.alerts")})
