"""Recomputes positions and cash from the executions on the bus, plainly: what the flows published must be the same."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

TERMINAL = {"FILLED", "CANCELED", "EXPIRED", "REJECTED"}


@dataclass
class Position:
    """Average cost, by the book."""

    quantity: Fraction = Fraction(0)
    cost: Fraction = Fraction(0)
    realized: Fraction = Fraction(0)
    cash: Fraction = Fraction(0)

    def fill(self, signed: Fraction, price: Fraction, fee: Fraction) -> None:
        self.cash -= signed * price + fee
        self.realized -= fee
        closing = min(abs(signed), abs(self.quantity)) if signed * self.quantity < 0 else Fraction(0)
        if closing:
            way = 1 if self.quantity > 0 else -1
            cost = self.cost * closing / abs(self.quantity)
            self.realized += way * closing * price - cost
            self.cost -= cost
            self.quantity -= way * closing
        opening = abs(signed) - closing
        way = 1 if signed > 0 else -1
        self.quantity += way * opening
        self.cost += way * opening * price


def fills_of(reports: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Payloads of the distinct fills in their order."""
    found: dict[tuple[str, ...], Mapping[str, Any]] = {}
    for report in reports:
        payload = report["payload"]
        if payload["execType"] == "fill":
            found.setdefault((payload["account"], payload["venue"], payload["symbol"], payload["executionId"]), payload)
    return list(found.values())


def positions_of(fills: Sequence[Mapping[str, Any]]) -> dict[tuple[str, str], Position]:
    positions: dict[tuple[str, str], Position] = {}
    for fill in fills:
        position = positions.setdefault((fill["account"], fill["symbol"]), Position())
        sign = 1 if fill["side"] == "buy" else -1
        position.fill(sign * Fraction(fill["quantity"]), Fraction(fill["price"]), Fraction(fill["fee"]))
    return positions


def latest(events: Iterable[Mapping[str, Any]], *fields: str) -> dict[tuple[str, ...], Mapping[str, Any]]:
    """Payload of the last event of each key."""
    return {tuple(event["payload"][field] for field in fields): event["payload"] for event in events}


def check_orders(updates: Sequence[Mapping[str, Any]], fills: Sequence[Mapping[str, Any]]) -> None:
    """Each order has one history: versions without a gap, one outcome, and as much filled as its executions say."""
    histories: dict[str, dict[int, Mapping[str, Any]]] = {}
    for update in updates:
        payload = update["payload"]
        known = histories.setdefault(payload["orderId"], {}).setdefault(payload["version"], update)
        assert known == update, f"one version, two contents:\n{known}\n{update}"
    filled: dict[str, Decimal] = {}
    for fill in fills:
        filled[fill["orderId"]] = filled.get(fill["orderId"], Decimal(0)) + Decimal(fill["quantity"])
    for order_id, history in histories.items():
        assert sorted(history) == list(range(1, len(history) + 1)), f"{order_id}: versions {sorted(history)}"
        states = [history[version]["payload"] for version in sorted(history)]
        outcomes = {state["status"] for state in states} & TERMINAL
        assert len(outcomes) <= 1, f"{order_id}: {outcomes}"
        assert Decimal(states[-1]["filledQuantity"]) == filled.get(order_id, Decimal(0)), order_id
        assert Decimal(states[-1]["filledQuantity"]) <= Decimal(states[-1]["quantity"]), order_id


def check_positions(published: Sequence[Mapping[str, Any]], fills: Sequence[Mapping[str, Any]]) -> None:
    expected, found = positions_of(fills), latest(published, "account", "symbol")
    assert expected.keys() == found.keys()
    for key, position in expected.items():
        payload = found[key]
        assert Fraction(payload["quantity"]) == position.quantity, key
        assert abs(Fraction(payload["realizedPnl"]) - position.realized) < Fraction(1, 10**9), key
        assert abs(Fraction(payload["costBasis"]) - position.cost) < Fraction(1, 10**9), key


def check_cash(published: Sequence[Mapping[str, Any]], fills: Sequence[Mapping[str, Any]], opening: Mapping[str, Decimal]) -> None:
    """Cash of each account, to the cent: what it was opened with and what its fills moved."""
    moved = {account: Fraction(cash) for account, cash in opening.items()}
    for (account, _), position in positions_of(fills).items():
        moved[account] = moved.get(account, Fraction(0)) + position.cash
    found = latest(published, "account")
    for account, cash in moved.items():
        assert round(Fraction(found[(account,)]["cash"]), 2) == round(cash, 2), account
