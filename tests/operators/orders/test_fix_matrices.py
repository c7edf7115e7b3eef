"""Orders go through the states of FIX: each scenario of ``fix_scenarios.py``, line by line."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import pytest

from schemas.orders import OrderUpdate
from tests.operators.orders.desk import Desk
from tests.operators.orders.fix_scenarios import SCENARIOS


@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=list(SCENARIOS))
def test_order_goes_through_the_states_of_the_matrix(scenario: str) -> None:
    desk = Desk()
    for line in scenario.strip().splitlines():
        said, expected = (part.strip() for part in line.split("|"))
        before = len(desk.updates)
        say(desk, said)
        news = [event.payload for event in desk.updates[before:]]
        assert not desk.rejects, line
        assert [shown(update, expected) for update in news] == ([] if expected == "-" else [" ".join(expected.split())]), line


def shown(update: OrderUpdate, expected: str) -> str:
    fields = [update.status.value, update.quantity, update.filled_quantity, update.leaves_quantity]
    if len(expected.split()) == 5:
        fields.append(update.average_price)
    return " ".join("none" if field is None else str(field) for field in fields)


def say(desk: Desk, words: str) -> None:
    """One line of a scenario, left of its bar."""
    verb, *rest = words.split()
    named = dict(word.split("=") for word in rest if "=" in word)
    plain = [word for word in rest if "=" not in word]
    quantity, price = amounts(next((word for word in plain if re.match(r"[\d@]", word)), ""))
    ids: dict[str, Any] = {"execution_id": named["id"]} if "id" in named else {}
    if verb == "place":
        force = next((word for word in plain if word in ("gtc", "ioc", "fok")), "day")
        desk.place(quantity or "", time_in_force=force, idempotency_key=named.get("key"))
    elif verb in ("cancel", "replace"):
        desk.command(verb, quantity=quantity, price=price)
    elif verb == "split":
        desk.split(quantity or "")
    elif verb == "fill":
        desk.fill(quantity or "", price or "", **ids)
    elif verb in ("bust", "correct"):
        desk.report(verb, reference_execution_id=plain[0], quantity=quantity, price=price, **ids)
    else:
        desk.report(verb, quantity=quantity, **ids)


def amounts(text: str) -> tuple[str | None, str | None]:
    quantity, _, price = text.partition("@")
    return quantity or None, price or None


def test_the_table_is_read_as_it_is_written() -> None:
    assert amounts("9000@110") == ("9000", "110")
    assert amounts("@51") == (None, "51")
    desk = Desk()
    say(desk, "place 10000 gtc")
    assert (desk.last.quantity, desk.last.time_in_force) == (Decimal(10000), "gtc")
