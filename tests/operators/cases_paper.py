"""The paper exchange under the laws: random orders, cancels, replaces, splits and ticks of three symbols in two partitions."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import msgspec
import numpy as np

from operators.contract import Case, Said
from operators.market.watermarks import fill_watermarks
from operators.orders.matching import PaperExchange
from operators.orders.settings import PaperSettings
from schemas.control import Action, Control
from schemas.events import Event
from schemas.ticks import Rows, TickFrame
from schemas.times import SECOND_NS
from tests.operators.paper.market import cancel, passing, place, quote, replace, trade
from tests.operators.streams import with_watermarks

PARTITION_OF = {"TRADED": 0, "QUOTED": 0, "BOTH": 1}
SETTINGS = PaperSettings(
    participation=Decimal("0.5"),
    touch=0.6,
    latency_ns=SECOND_NS,
    jitter_ns=SECOND_NS,
    fee_rate=Decimal("0.001"),
    fee_minimum=Decimal("0.1"),
)
DAY = 86_400


@dataclass(slots=True)
class Day:
    """Of random inputs: what has been so far."""

    rng: random.Random
    now: float = DAY - 60.0
    orders: int = 0
    updates: int = 0

    def tick(self, symbol: str) -> Rows:
        rng, at = self.rng, max(1.0, self.now - self.rng.choice([0, 0, 0, 0.5, 3]))
        price, size = rng.choice([99.5, 100, 100, 100.5, 101, 98, 0.1]), rng.choice([np.nan, 0, 10, 40, 500])
        if symbol == "TRADED" or (symbol == "BOTH" and rng.random() < 0.5):
            row = trade(at, price, size, symbol)
        else:
            bid, ask = rng.choice([price, price, np.nan]), rng.choice([price + 0.5, np.nan, price])
            row = quote(at, bid, ask, size, rng.choice([np.nan, 0, 15]), symbol)
        row["partition"] = PARTITION_OF[symbol]
        return row

    def request(self, symbols: dict[str, str]) -> Event[Any]:
        rng = self.rng
        self.updates += 1
        at, own = self.now - rng.choice([0, 0, 0.5, -0.7]), {"event_id": f"u{self.updates}", "offset": self.updates}
        chosen = rng.choice([*symbols]) if symbols else ""
        if not symbols or rng.random() < 0.5:
            name = f"o{len(symbols)}"
            symbols[name] = rng.choice([*PARTITION_OF])
            kind = rng.choice(["market", "limit", "limit", "limit", "stop", "stop_limit"])
            return place(
                at,
                rng.choice(["buy", "sell"]),
                rng.choice([1, 10, 100, "0.5", 0]),
                name,
                symbol=symbols[name],
                order_type=kind,
                price=rng.choice([99, 100, 100.5, 101]) if "limit" in kind else None,
                stop_price=rng.choice([99, 100, 100.5, 101]) if "stop" in kind else None,
                time_in_force=rng.choice(["gtc", "day", "day", "ioc", "fok"]),
                **own,
            )
        if rng.random() < 0.5:
            return cancel(at, chosen, symbol=symbols[chosen], **own)
        event = replace(at, chosen, quantity=rng.choice([None, 5, 50, 200]), price=rng.choice([None, 99, 100, 101]))
        header = msgspec.structs.replace(event.header, event_id=own["event_id"])
        payload = msgspec.structs.replace(event.payload, symbol=symbols[chosen])
        return msgspec.structs.replace(event, header=header, payload=payload)


def inputs_of(seed: int, *, count: int | None = None, has_splits: bool = True) -> list[Any]:
    """Rows (one each), updates and splits in order, each row with its place and watermark; at the end the end of both partitions."""
    rng = random.Random(seed)
    day, symbols = Day(rng), dict[str, str]()
    found: list[Any] = [day.tick(symbol) for symbol in PARTITION_OF]
    for _ in range(rng.choice([5, 40, 120]) if count is None else count):
        day.now += rng.choice([0, 0.1, 0.5, 1, 2, rng.choice([0, 0, 40])])
        kind = rng.random()
        if kind < 0.55:
            found.append(day.tick(rng.choice([*PARTITION_OF])))
        elif kind < 0.97 or not has_splits:
            found.append(day.request(symbols))
        else:
            at = round((day.now + rng.choice([-2, 0, 2])) * SECOND_NS)
            action = Action("split", rng.choice([*PARTITION_OF]), rng.choice([Decimal(2), Decimal("0.5"), Decimal(3)]))
            found.append(Control("control.actions", f"s{len(found)}", action, at, f"s{len(found)}"))
    for partition in (0, 1):
        row = passing(np.inf)
        row["partition"] = partition
        found.append(row)
    placed = [one for one in found if isinstance(one, np.ndarray)]
    rows: Rows = np.concatenate(placed)
    rows["offset"] = np.arange(len(rows)) // 2 * 2
    rows["index"] = np.arange(len(rows)) % 2
    fill_watermarks(rows, {})
    each = iter(rows[at : at + 1] for at in range(len(rows)))
    return [next(each) if isinstance(one, np.ndarray) else one for one in found]


def apply_batch(exchange: PaperExchange, events: Sequence[Any]) -> list[Any]:
    """Reports of consecutive inputs; runs of rows are frames."""
    found: list[Any] = []
    run: list[Rows] = []
    for event in [*events, None]:
        if isinstance(event, np.ndarray):
            run.append(event)
            continue
        if run:
            found += exchange.on_frame(TickFrame(with_watermarks(np.concatenate(run))))
            run = []
        if event is not None:
            found += exchange.on_action(event) if isinstance(event, Control) else exchange.on_update(event)
    return found


def apply(exchange: PaperExchange, events: Sequence[Any]) -> Said:
    reports = apply_batch(exchange, events)
    return Said([(report.header.event_id, msgspec.json.encode(report.envelope).decode()) for report in reports])


PAPER_CASES: dict[type, Case] = {PaperExchange: Case(make=lambda: PaperExchange(SETTINGS), inputs=inputs_of, apply=apply)}
