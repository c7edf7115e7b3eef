"""What the paper exchange does, by example: order updates and ticks in, reports out. Times are seconds."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from operators.orders.matching import PaperExchange
from operators.orders.settings import PaperSettings
from schemas.control import Action, Control
from schemas.events import Event
from schemas.orders import Status
from schemas.times import SECOND_NS
from tests.operators.paper.market import cancel, frames, passing, place, quote, replace, said, trade, update

SECOND = SECOND_NS
DAY = 86_400


def run(inputs: list[Any], **settings: Any) -> list[str]:
    exchange, found = PaperExchange(PaperSettings(**settings)), []
    ticks = iter(
        frames([one for one in inputs if isinstance(one, np.ndarray)]) if any(isinstance(one, np.ndarray) for one in inputs) else []
    )
    for one in inputs:
        if isinstance(one, Event):
            found += exchange.on_update(one)
        elif isinstance(one, Control):
            found += exchange.on_action(one)
        else:
            found += exchange.on_frame(next(ticks))
    return [said(report) for report in found]


def split(at: float, ratio: str) -> Control:
    return Control("control.actions", "s", Action("split", "AMZN", Decimal(ratio)), round(at * SECOND), "s")


EXAMPLES: dict[str, tuple[list[Any], dict[str, Any], list[str]]] = {
    "a market order buys at the ask": ([place(1), quote(2, 99, 101)], {}, ["o1 new at 1", "o1 fill 100@101 at 2"]),
    "and sells at the bid": ([place(1, "sell"), quote(2, 99, 101)], {}, ["o1 new at 1", "o1 fill 100@99 at 2"]),
    "at the trade where the feed has no quotes": ([place(1), trade(2, 100.1)], {}, ["o1 new at 1", "o1 fill 100@100.1 at 2"]),
    "a trade of a feed with quotes fills no market order": (
        [quote(0, 99, 101), place(1), trade(2, 100), quote(3, 98, 102)],
        {},
        ["o1 new at 1", "o1 fill 100@102 at 3"],
    ),
    "it waits for its own side": ([place(1), quote(2, 99, np.nan), quote(3, 98, 102)], {}, ["o1 new at 1", "o1 fill 100@102 at 3"]),
    "no more than is offered": (
        [place(1), quote(2, 99, 101, 9, 60), quote(3, 99, 101.5, 9, 60)],
        {},
        ["o1 new at 1", "o1 fill 60@101 at 2", "o1 fill 40@101.5 at 3"],
    ),
    "no more than our share": (
        [place(1), trade(2, 100, 50), trade(3, 100, 1000)],
        {"participation": Decimal("0.1")},
        ["o1 new at 1", "o1 fill 5@100 at 2", "o1 fill 95@100 at 3"],
    ),
    "nothing is offered with a size of 0": ([place(1), trade(2, 100, 0)], {}, ["o1 new at 1"]),
    "the share is for all, by time": (
        [place(1, order="a", quantity=30), place(1, order="b", quantity=30), trade(2, 100, 40)],
        {},
        ["a new at 1", "b new at 1", "a fill 30@100 at 2", "b fill 10@100 at 2"],
    ),
    "by price before time": (
        [place(1, order="a", price=100), place(1, order="b", price=101), trade(2, 99, 150)],
        {},
        ["a new at 1", "b new at 1", "b fill 100@101 at 2", "a fill 50@100 at 2"],
    ),
    "a marketable limit takes the quote's better price": (
        [place(1, price=105), quote(2, 99, 101)],
        {},
        ["o1 new at 1", "o1 fill 100@101 at 2"],
    ),
    "what rests is filled at its limit": (
        [place(1, price=100), quote(2, 99, 101), quote(3, 97, 98)],
        {},
        ["o1 new at 1", "o1 fill 100@100 at 3"],
    ),
    "by trades too": ([place(1, price=100), trade(2, 100.5), trade(3, 99.5)], {}, ["o1 new at 1", "o1 fill 100@100 at 3"]),
    "at the price": ([place(1, price="0.1"), trade(2, 0.1)], {}, ["o1 new at 1", "o1 fill 100@0.1 at 2"]),
    "never at the price": ([place(1, price="0.1"), trade(2, 0.1), trade(3, 0.09)], {"touch": 0.0}, ["o1 new at 1", "o1 fill 100@0.1 at 3"]),
    "never above it": ([place(1, price="0.1"), trade(2, 0.1000001)], {}, ["o1 new at 1"]),
    "a stop becomes a market order for the next tick": (
        [place(1, "sell", order_type="stop", stop_price=95), trade(2, 95.1), trade(3, 95), trade(4, 94)],
        {},
        ["o1 new at 1", "o1 fill 100@94 at 4"],
    ),
    "a stop limit a limit": (
        [place(1, order_type="stop_limit", stop_price=105, price=106), trade(2, 105), trade(3, 107), trade(4, 105.5)],
        {},
        ["o1 new at 1", "o1 fill 100@106 at 4"],
    ),
    "quotes trigger no stop": ([place(1, order_type="stop", stop_price=105), quote(2, 106, 107), quote(3, 106, 107)], {}, ["o1 new at 1"]),
    "IOC takes what there is": (
        [place(1, price=101, time_in_force="ioc"), quote(2, 99, 101, 9, 60), quote(3, 99, 100)],
        {},
        ["o1 new at 1", "o1 fill 60@101 at 2", "o1 canceled at 2"],
    ),
    "or nothing": ([place(1, price=100, time_in_force="IOC"), quote(2, 99, 101)], {}, ["o1 new at 1", "o1 canceled at 2"]),
    "FOK takes all": ([place(1, time_in_force="fok"), quote(2, 99, 101, 9, 100)], {}, ["o1 new at 1", "o1 fill 100@101 at 2"]),
    "or nothing at all": ([place(1, time_in_force="FOK"), quote(2, 99, 101, 9, 99)], {}, ["o1 new at 1", "o1 canceled at 2"]),
    "DAY ends with its day": (
        [place(1, price=9, time_in_force="day"), trade(2, 10), passing(DAY - 1), passing(DAY + 5), trade(DAY + 6, 8)],
        {},
        ["o1 new at 1", "o1 expired at 86400"],
    ),
    "by a tick of the next day": ([place(1, price=9, time_in_force="day"), trade(DAY, 8)], {}, ["o1 new at 1", "o1 expired at 86400"]),
    "GTC stays": ([place(1, price=9), trade(DAY, 8)], {}, ["o1 new at 1", "o1 fill 100@9 at 86400"]),
    "the end of the input ends no day, but answers what is under way": (
        [place(1, price=9, time_in_force="day"), passing(np.inf)],
        {"latency_ns": SECOND},
        ["o1 new at 2"],
    ),
    "latency: earlier ticks fill nothing": (
        [place(1), trade(1.5, 100), trade(2.5, 101)],
        {"latency_ns": SECOND},
        ["o1 new at 2", "o1 fill 100@101 at 2.5"],
    ),
    "a late tick neither": ([place(1), trade(3, 100, 60), trade(0.5, 99)], {}, ["o1 new at 1", "o1 fill 60@100 at 3"]),
    "a fill wins the race": (
        [place(1), passing(2), cancel(3), trade(3.5, 100), passing(5)],
        {"latency_ns": SECOND},
        ["o1 new at 2", "o1 fill 100@100 at 3.5", "o1 cancel_rejected at 4"],
    ),
    "a cancel wins it": (
        [place(1), passing(2), cancel(3), trade(4, 100)],
        {"latency_ns": SECOND},
        ["o1 new at 2", "o1 canceled at 4"],
    ),
    "canceled at once": ([place(1), cancel(2), trade(3, 100)], {}, ["o1 new at 1", "o1 canceled at 2"]),
    "a cancel of nobody": ([cancel(2)], {}, ["o1 cancel_rejected at 2"]),
    "replaced: new price, last in line": (
        [place(1, price=100, order="a"), place(1, price=100, order="b"), replace(2, "a", quantity=50), trade(3, 99, 120)],
        {},
        ["a new at 1", "b new at 1", "a replaced at 2", "b fill 100@100 at 3", "a fill 20@100 at 3"],
    ),
    "not below what is filled": (
        [place(1, price=100), trade(2, 99, 60), replace(3, quantity=60)],
        {},
        ["o1 new at 1", "o1 fill 60@100 at 2", "o1 replace_rejected at 3"],
    ),
    "too late to replace": (
        [place(1), trade(2, 99), replace(3, quantity=60)],
        {},
        ["o1 new at 1", "o1 fill 100@99 at 2", "o1 replace_rejected at 3"],
    ),
    "echoes of our own reports": (
        [
            place(1),
            update(Status.NEW, 2),
            update(Status.PENDING_CANCEL, 2, last_quantity=5),
            place(1),
            cancel(2, event_id="x"),
            cancel(2, event_id="x"),
        ],
        {},
        ["o1 new at 1", "o1 canceled at 2"],
    ),
    "fees": (
        [place(1, quantity=10), trade(2, 100), place(3, order="o2", quantity=10), trade(4, 1)],
        {"fee_per_share": Decimal("0.01"), "fee_rate": Decimal("0.001"), "fee_minimum": Decimal("0.5")},
        ["o1 new at 1", "o1 fill 10@100 fee 1.1 at 2", "o2 new at 3", "o2 fill 10@1 fee 0.5 at 4"],
    ),
    "a split scales what rests": (
        [place(1, price=100), split(2, "2"), trade(2, 50.5), trade(3, 50)],
        {},
        ["o1 new at 1", "o1 fill 200@50 at 3"],
    ),
    "one ahead waits": (
        [split(3, "2"), place(1, price=100), trade(2, 99, 40), trade(3, 50)],
        {},
        ["o1 new at 1", "o1 fill 40@100 at 2", "o1 fill 120@50 at 3"],
    ),
    "no side": ([place(1, side=None)], {}, ["o1 rejected at 1"]),
    "no quantity": ([place(1, quantity=None)], {}, ["o1 rejected at 1"]),
    "a quantity of nothing": ([place(1, quantity="NaN"), place(1, order="o2", quantity=0)], {}, ["o1 rejected at 1", "o2 rejected at 1"]),
    "no symbol": ([place(1, symbol=None)], {"latency_ns": SECOND}, ["o1 rejected at 2"]),
    "no limit": ([place(1, order_type="limit")], {}, ["o1 rejected at 1"]),
    "no stop price": ([place(1, order_type="stop")], {}, ["o1 rejected at 1"]),
}


@pytest.mark.parametrize(("inputs", "settings", "expected"), list(EXAMPLES.values()), ids=list(EXAMPLES))
def test_example(inputs: list[Any], settings: dict[str, Any], expected: list[str]) -> None:
    assert run(inputs, **settings) == expected


def test_shares_and_fees_are_written_without_trailing_zeros() -> None:
    exchange = PaperExchange(PaperSettings(participation=Decimal("0.25"), fee_per_share=Decimal("0.020")))
    exchange.on_update(place(1))
    (tick,) = frames([trade(2, 100, 100)])
    (report,) = exchange.on_frame(tick)
    assert [str(report.payload.quantity), str(report.payload.fee)] == ["25", "0.5"]
