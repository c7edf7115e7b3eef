"""What the checks of an order before it leaves cost, and what fills cost the order book beside them.

::

    orders.commands ──► orders step ──► orders.updates        in one process, one shard, without the engine
    orders.events ────►              100 accounts, 100 symbols, 10,000 limits, marks and balances between the commands

The same commands go through a step that checks nothing and through one with a position, notional, daily and rate limit on each, a collar
and buying power. Which are refused is compared with a plain recomputation.
"""

from __future__ import annotations

import gc
import random
import time
from collections.abc import Iterator, Sequence
from decimal import Decimal
from statistics import median
from typing import Any

import numpy as np

from benchmarks.answers import WrongAnswer
from benchmarks.options import Options
from benchmarks.rows import Row
from operators.orders.settings import OrdersSettings
from operators.orders.step import OrdersStep
from schemas.balances import Balance, BalanceFrame
from schemas.control import Control, Limit
from schemas.events import Event, Header, Place
from schemas.orders import ExecType, ExecutionReport, OrderCommand, Status
from schemas.risk_frames import SYMBOL_MARK, SymbolMarks
from schemas.symbols import SYMBOLS

COMMANDS = 50_000
BUDGET_US = 20.0
MOST = 1_500
"""Of the position limit of each account and symbol."""
_CHUNK = 500
_ACCOUNTS, _NAMES = [f"A{number:03d}" for number in range(100)], [f"S{number:03d}" for number in range(100)]
_STEP_NS = 1_000_000


def run(options: Options) -> Iterator[Row]:
    """Commands with checks and without, and fills."""
    count = options.count(COMMANDS)
    commands = list(_commands(count))
    plain_us, accepted = _measured(OrdersStep(OrdersSettings(), 0, None), [], commands)
    if len(accepted) != count:
        raise WrongAnswer(f"expected every order to be accepted without limits, found {count - len(accepted)} refused")
    step = OrdersStep(OrdersSettings(collar=Decimal("0.5"), buying_power=Decimal(10)), 0, None)
    checked_us, accepted = _measured(step, [*_limits(), *_known()], commands)
    if accepted != (expected := _recomputed(commands)):
        raise WrongAnswer(f"expected {len(expected)} orders to be accepted, found {len(accepted)}, or others")
    figures = {"check_us": checked_us - plain_us, "command_us": plain_us, "refused": float(count - len(accepted))}
    yield Row(f"{count:,} commands, 10,000 limits", figures, {} if options.quick else {"check_us": BUDGET_US})
    fills_us, _ = _measured(step, [], list(_fills(commands, accepted)))
    yield Row(f"{len(accepted):,} fills of them", {"fill_us": fills_us})


def _measured(step: OrdersStep, first: Sequence[Any], items: Sequence[Any]) -> tuple[float, set[str]]:
    """Microseconds of CPU an item, and the orders that were accepted. Marks and balances come between the items.

    The median of chunks is taken, for neighbours disturb; garbage is collected as in a worker.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(200_000, 50, 1000)
    for item in first:
        step.process(item)
    between, made, used = _known(), [], []
    for at in range(0, len(items), _CHUNK):
        begin = time.process_time()
        for number, item in enumerate(items[at : at + _CHUNK]):
            if number % 20 == 0:
                for known in between:
                    step.process(known)
            made.append(step.process(item))
        used.append((time.process_time() - begin) * 1e6 / len(items[at : at + _CHUNK]))
    accepted = {update.payload.order_id for one in made if one for update in one.updates if update.payload.status is Status.PENDING_NEW}
    return median(used), accepted


def _commands(count: int) -> Iterator[Event[OrderCommand]]:
    rng = random.Random(7)
    for number in range(count):
        account, symbol, side = rng.choice(_ACCOUNTS), rng.choice(_NAMES), rng.choice(("buy", "sell"))
        price = Decimal(rng.randrange(9_000, 11_000)) / 100
        payload = OrderCommand("place", account, f"O{number}", None, symbol, side, Decimal(rng.randrange(1, 500)), "limit", price)  # type: ignore[arg-type]
        yield _event(payload, "orders.commands", number)


def _event(payload: Any, topic: str, number: int) -> Event[Any]:
    time_ns = number * _STEP_NS
    return Event(Header(f"{topic}-{number}", "c", "ORDER_COMMAND", 2, time_ns, "benchmark"), payload, time_ns, Place(topic, 0, number))


def _limits() -> Iterator[Control]:
    """Of each account one that is reached and three that are not; the rest are other symbols'."""
    number = 0
    for account in _ACCOUNTS:
        rules: dict[str, Any] = {"position": MOST, "order_notional": 10**6, "daily_notional": 10**12, "order_rate": 10**6}
        for rule, threshold in rules.items():
            number += 1
            yield _control(number, Limit(f"{rule}-{account}", rule, "account", Decimal(threshold), account))  # type: ignore[arg-type]
        for other in range(96):
            number += 1
            yield _control(number, Limit(f"{account}-{other}", "position", "account+symbol", Decimal(1), account, f"T{other}"))


def _control(number: int, limit: Limit) -> Control:
    return Control("control.limits", limit.limit_id, limit, 0, f"l{number}", Place("control.limits", 0, number))


def _known() -> list[Any]:
    """A frame of marks and one of balances."""
    rows = np.zeros(len(_NAMES), SYMBOL_MARK)
    rows["symbol"] = [SYMBOLS.code(name) for name in _NAMES]
    for name in ("long", "short", "last"):
        rows[name] = 100.0
    return [SymbolMarks(rows), BalanceFrame({account: Balance("USD", 1e12, 0.0, 0) for account in _ACCOUNTS})]


def _recomputed(commands: Sequence[Event[OrderCommand]]) -> set[str]:
    """Nothing is filled meanwhile: each side of an account and symbol has its room."""
    room: dict[tuple[Any, ...], Decimal] = {}
    accepted = set()
    for command in (event.payload for event in commands):
        key, quantity = (command.account, command.symbol, command.side), command.quantity or Decimal(0)
        if room.setdefault(key, Decimal(MOST)) >= quantity:
            room[key] -= quantity
            accepted.add(str(command.order_id))
    return accepted


def _fills(commands: Sequence[Event[OrderCommand]], accepted: set[str]) -> Iterator[Event[ExecutionReport]]:
    for number, command in enumerate(event.payload for event in commands if event.payload.order_id in accepted):
        where, what = (command.account, command.symbol, "V", command.order_id), (command.side, command.quantity, command.price)
        payload = ExecutionReport(ExecType.FILL, *where, f"E{number}", None, *what)
        yield _event(payload, "orders.events", len(commands) + number)
