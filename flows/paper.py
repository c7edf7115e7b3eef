"""Orders are filled on paper, against the ticks of the real market.

::

    orders.updates ──┐
    market.ticks ────┼─► paper (a shard of symbols at a time) ─┬─► orders.events
    control.actions ─┘                                         └─► dead.letters
"""

from __future__ import annotations

from functools import partial

import bytewax.operators as op
from bytewax.operators import KeyedStream

from flows.flow import Context, Flow, Streams
from flows.table import PAPER
from flows.verbs import by_shard, hosted, pick, to_every_shard
from operators.orders.paper.step import PaperOutput, PaperStep, name_of
from schemas.event_outgoing import event_encoder


def build(inputs: Streams, context: Context) -> Streams:
    """Streams of what each shard made, by topic."""
    updates = by_shard("paper_updates", inputs["orders.updates"], name_of)
    actions = to_every_shard("paper_actions", inputs["control.actions"])
    events = op.merge("paper_events", updates, inputs["market.ticks"], actions)
    made: KeyedStream[PaperOutput] = hosted("paper", events, context, partial(PaperStep, context.settings))
    return {"orders.events": pick("paper_reports", made, "reports"), "dead.letters": pick("paper_rejects", made, "rejects")}


FLOW = Flow(row=PAPER, build=build, encode=lambda _: {"orders.events": event_encoder("orders.events")})
