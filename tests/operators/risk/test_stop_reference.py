"""The kernel fires what a slow model in exact decimals fires, however the ticks are cut into frames."""

from __future__ import annotations

import random
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from operators.risk.symbols.symbol_risk import Made, SymbolRisk
from schemas.ticks import Rows
from tests.operators.cases_marking import START, tick
from tests.operators.cases_risk_stops import as_frame, ended, limit, position
from tests.operators.risk.stop_reference import Reference, Rule

ACCOUNTS, SYMBOLS, LIMITS = ("A", "B", "C"), ("AMZN", "EURUSD"), ("one", "two", "three", "four")
WHOLE = {"stop_loss": ("95", "99", "100", "101", "105"), "trailing_stop": ("0.01", "0.05", "0.1", "0.015")}


class Both:
    """The kernel and the model, told the same."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self.risk, self.reference = SymbolRisk(), Reference()
        self.said: list[tuple[str, str, str, int, Decimal]] = []
        self._versions: dict[tuple[str, str], int] = {}
        self._now = START
        self._run: list[Rows] = []
        self._price = Decimal(100)

    def step(self) -> None:
        """Any event."""
        kind = self._rng.random()
        if kind < 0.7:
            self._tick()
            if self._rng.random() < 0.5:
                self.flush()
            return
        self.flush()
        if kind < 0.85:
            self._hold()
        else:
            self._limit()

    def flush(self) -> None:
        """Ticks that were held back are one frame."""
        if self._run:
            self._read(self.risk.on_frame(as_frame(self._run)))
        self._run = []

    def _tick(self) -> None:
        rng, symbol = self._rng, self._rng.choice(SYMBOLS)
        self._now += rng.choice([0, 1, 10**9])
        move = rng.choice(["0", "0.01", "-0.01", "0.5", "-0.5", "2", "-2", "7", "-7"])
        self._price = min(max(self._price + Decimal(move), Decimal(80)), Decimal(125))
        price = rng.choice(
            [self._price, self._price, Decimal(95), Decimal(105), self._price * Decimal("0.95"), self._price * Decimal("1.01")]
        )
        if rng.random() < 0.5 and symbol != "EURUSD":
            self.reference.trade(symbol, price)
            self._run.append(tick(symbol, self._now, price=float(price)))
            return
        bid, ask = rng.choice([(price, price + 1), (price, None), (None, price)])
        self.reference.quote(symbol, bid, ask)
        self._run.append(tick(symbol, self._now, **{name: float(side) for name, side in (("bid", bid), ("ask", ask)) if side is not None}))

    def _hold(self) -> None:
        key = account, symbol = self._rng.choice(ACCOUNTS), self._rng.choice(SYMBOLS)
        quantity = Decimal(self._rng.choice(["10", "5", "0", "-10", "-0.5"]))
        price = self._rng.choice([self._price, Decimal(100), Decimal("99.95")])
        self._versions[key] = version = self._versions.get(key, 0) + 1
        self.reference.hold(account, symbol, quantity, price)
        self._read(self.risk.on_position(position(account, symbol, version, quantity, price if quantity else None, self._now)))

    def _limit(self) -> None:
        rng, name = self._rng, self._rng.choice(LIMITS)
        if rng.random() < 0.15:
            self.reference.limit(name, None)
            self._read(self.risk.on_limit(ended(name)))
            return
        kind, scope = rng.choice(["stop_loss", "take_profit", "trailing_stop"]), rng.choice(["account+symbol", "account", "symbol", "firm"])
        threshold = Decimal(rng.choice(WHOLE["trailing_stop" if kind == "trailing_stop" else "stop_loss"]))
        account = rng.choice(ACCOUNTS) if "account" in scope else None
        symbol = rng.choice(SYMBOLS) if "symbol" in scope else None
        self.reference.limit(name, Rule(name, kind, account, symbol, threshold))
        self._read(self.risk.on_limit(limit(name, kind, threshold, scope, account=account, symbol=symbol)))

    def _read(self, made: Made) -> None:
        for alert in made.alerts:
            said: Any = alert.payload
            self.said.append((said.limit_id, said.account, said.symbol, said.episode, Decimal(repr(said.value))))


@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 2**32), count=st.sampled_from([5, 40, 200]))
def test_the_kernel_fires_what_the_model_fires(seed: int, count: int) -> None:
    both = Both(random.Random(seed))
    for _ in range(count):
        both.step()
    both.flush()
    rounded = sorted((*said, round(price, 9)) for *said, price in both.said)
    assert rounded == sorted((*said, round(price, 9)) for *said, price in both.reference.said)
