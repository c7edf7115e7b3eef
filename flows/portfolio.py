"""Executions become positions, ticks their P&L, and both the totals of accounts.

::

    market.ticks ────────┬─► portfolio_rates ─► rates of exchange, to all shards of both steps below
    control.instruments ─┤
    market.bars ─────────┤
    orders.events ───────┼─► portfolio (a shard of symbols at a time) ─┬─► portfolio.positions
    control.actions ─────┤                                             ├─► portfolio.pnl
    control.accounts ────┤                                             ├─► dead.letters
                         │        positions and P&L, by account        │
                         └─► portfolio_accounts (a shard of accounts) ◄┘
                                └─► portfolio.accounts
"""

from __future__ import annotations

from functools import partial

import bytewax.operators as op
from bytewax.operators import KeyedStream

from flows.flow import SHARD_KEYS, Context, Flow, Streams
from flows.rates import rates_of
from flows.table import PORTFOLIO
from flows.verbs import by_shard, hosted, pick, to_every_shard
from operators.portfolio.step import AccountsStep, PortfolioOutput, PortfolioStep
from schemas.event_outgoing import event_encoder
from schemas.events import Event
from schemas.orders import ExecutionReport
from schemas.pnl_codec import pnl_outgoing
from schemas.pnl_frames import AccountFrame, joined_frames, split_by_account


def build(inputs: Streams, context: Context) -> Streams:
    """Streams of what each shard made, by topic."""
    ticks = inputs["market.ticks"]
    instruments = to_every_shard("portfolio_instruments", inputs["control.instruments"])
    accounts = to_every_shard("portfolio_control_accounts", inputs["control.accounts"])
    actions = to_every_shard("portfolio_actions", inputs["control.actions"])
    reports = by_shard("portfolio_reports", inputs["orders.events"], place_of)
    rates = rates_of("portfolio", ticks, instruments, context)
    events = op.merge("portfolio_events", instruments, accounts, actions, rates, reports, inputs["market.bars"], ticks)
    made = hosted("portfolio", events, context, partial(PortfolioStep, context.settings))
    told = op.merge("portfolio_told", accounts, rates, across("portfolio_across", made))
    totals = hosted("portfolio_accounts", told, context, partial(AccountsStep, context.settings))
    return {
        "portfolio.positions": pick("portfolio_positions", made, "positions"),
        "portfolio.pnl": pick("portfolio_pnl", made, "pnl"),
        "portfolio.accounts": pick("portfolio_totals", totals, "accounts"),
        "dead.letters": pick("portfolio_rejects", made, "rejects"),
    }


def place_of(event: Event[ExecutionReport]) -> str | None:
    """Reports go to the shard of their symbol; money without one to that of its account."""
    return event.payload.symbol or event.payload.account


def across(step_id: str, stream: KeyedStream[PortfolioOutput]) -> KeyedStream[AccountFrame]:
    """From shards of symbols to shards of accounts: what all made at once is split once."""

    def split(pairs: list[tuple[str, PortfolioOutput]]) -> list[tuple[str, AccountFrame]]:
        made = joined_frames([AccountFrame(one.holdings, one.cash, one.pnl) for _, one in pairs])
        return [(SHARD_KEYS[shard], frame) for shard, frame in split_by_account(made)]

    return op.flat_map_batch(step_id, stream, split)


FLOW = Flow(
    row=PORTFOLIO,
    build=build,
    encode=lambda _: {
        "portfolio.positions": event_encoder("portfolio.positions"),
        "portfolio.pnl": pnl_outgoing,
        "portfolio.accounts": event_encoder("portfolio.accounts"),
    },
)
