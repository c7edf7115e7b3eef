"""Commands and execution reports become order updates.

::

    orders.commands ──┐
    orders.events ────┼─► orders (a shard of accounts at a time) ─┬─► orders.updates
    control.actions ──┘                                           └─► dead.letters
"""

from __future__ import annotations

from functools import partial
from typing import Any

import bytewax.operators as op

from flows.flow import Context, Flow, Streams
from flows.table import ORDERS
from flows.verbs import EVERYBODY, by_shard, hosted, pick, to_every_shard
from operators.orders.step import OrdersStep
from schemas.event_outgoing import event_encoder
from schemas.events import Event
from schemas.orders import OrderCommand


def account_of(event: Event[Any]) -> str:
    """The account whose orders an event is about; a command without one is to all, a report without one is refused by the step."""
    return event.payload.account or (EVERYBODY if isinstance(event.payload, OrderCommand) else "")


def build(inputs: Streams, context: Context) -> Streams:
    """Streams of what each shard made, by topic."""
    commands = by_shard("orders_commands_by_account", inputs["orders.commands"], account_of)
    reports = by_shard("orders_events_by_account", inputs["orders.events"], account_of)
    actions = to_every_shard("orders_actions", inputs["control.actions"])
    events = op.merge("orders_inputs", commands, reports, actions)
    made = hosted("orders", events, context, partial(OrdersStep, context.settings))
    return {
        "orders.updates": pick("orders_updates", made, "updates"),
        "dead.letters": pick("orders_rejects", made, "rejects"),
    }


FLOW = Flow(row=ORDERS, build=build, encode=lambda _: {"orders.updates": event_encoder("orders.updates")})
