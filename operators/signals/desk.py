"""What each strategy last said of each symbol: a signal for each change, and the order that follows it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from hashlib import sha256
from typing import Any, NamedTuple
from zlib import crc32

import msgspec

from operators.indicators.board import BARS
from operators.indicators.measured import Measured
from operators.signals.expression import NoValue
from operators.signals.settings import SignalsSettings
from operators.signals.strategy import Opinion, Strategy, compile_strategies
from schemas.dead_letters import Reason, Reject
from schemas.events import LANES, Event, EventType, Header, Place
from schemas.orders import OrderCommand
from schemas.signals import Signal, SignalAction
from schemas.times import format_time

SOURCE = "signals"

VERSION = 2

MAX_ID_CHARS = 128
"""Of an order's id."""

MAX_FAILURES = 8
"""Causes that are remembered of a symbol and interval; of more nothing is said until the strategy has a value again."""

_NONE = Decimal(0)


class Standing(NamedTuple):
    """Where a strategy stands on a symbol and interval."""

    action: SignalAction = "flat"
    """What it said last; ``flat`` before it said anything."""
    target: Decimal = _NONE
    """The position that its orders so far lead to."""
    failures: tuple[str, ...] = ()
    """Why it has had no value since it last had one, for other reasons than warming up; each was said once."""


@dataclass(slots=True)
class Said:
    """What bars made."""

    signals: list[Event[Signal]] = field(default_factory=list)
    commands: list[Event[OrderCommand]] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)


class StrategyDesk:
    """The strategies of one shard of symbols.

    A strategy that has no value for a bar (an indicator that warms up, a division by zero, NaN) says nothing of it, and its last action
    stands. Of a symbol and interval the first such bar of each cause, other than warming up, becomes a dead letter; the next one after
    the strategy has had a value again.

    Orders follow the strategy's own target: ``buy`` leads to the quantity, ``sell`` to the negative (or to none), ``flat`` to none, and
    a market order of the difference to the last target is sent. What the account really holds is not asked.
    """

    def __init__(self, settings: SignalsSettings) -> None:
        """Raises UsageError: a strategy is wrong."""
        self._settings = settings
        configured = {_compact(text): text for text in settings.indicators.indicators}
        self._strategies = [
            (strategy, tuple((text, configured.get(text, text)) for text in strategy.definitions))
            for strategy in compile_strategies(settings.strategies)
        ]
        self._standing: dict[tuple[str, str, str], Standing] = {}
        named = dict.fromkeys(text for strategy, _ in self._strategies for text in strategy.definitions)
        self.extra_indicators = tuple(text for text in named if text not in configured)
        """Those that only rules name."""

    def __len__(self) -> int:
        """How many strategies there are."""
        return len(self._strategies)

    def on_measured(self, measured: Iterable[Measured]) -> Said:
        """Take bars with their indicators, in order."""
        said = Said()
        for bar in measured:
            for strategy, texts in self._strategies:
                if strategy.looks_at(bar.symbol, bar.interval):
                    self._ask(strategy, texts, bar, said)
        return said

    def _ask(self, strategy: Strategy, texts: Sequence[tuple[str, str]], bar: Measured, said: Said) -> None:
        """``texts``: of the indicators, as rules name them and as they were configured."""
        key = (strategy.name, bar.symbol, bar.interval or "")
        before = self._standing.get(key, _NEW)
        values = {text: bar.values[known] for text, known in texts}
        try:
            opinion = strategy.opinion(values, bar.bar, {"last": before.action, "symbol": key[1], "interval": key[2]})
        except NoValue as error:
            cause = str(error)
            if cause not in before.failures and len(before.failures) < MAX_FAILURES:
                said.rejects.append(_reject(key, bar, cause))
                self._standing[key] = before._replace(failures=(*before.failures, cause))
            return
        if opinion is None:
            if before.failures:
                self._standing[key] = before._replace(failures=())
            return
        said.signals.append(_signal(key, bar, opinion, {known: bar.values[known] for _, known in texts}))
        account = self._settings.account
        target = self._target(opinion.action) if account else before.target
        if target != before.target:
            said.commands.append(_command(account, key, bar, target - before.target))
        self._standing[key] = Standing(opinion.action, target)

    def _target(self, action: SignalAction) -> Decimal:
        if action == "buy":
            return self._settings.quantity
        return -self._settings.quantity if action == "sell" and self._settings.allows_short else _NONE

    def snapshot(self) -> dict[str, Any]:
        """All standings, targets as text."""
        standings = [[*key, one.action, str(one.target), list(one.failures)] for key, one in self._standing.items()]
        return {"version": VERSION, "standings": standings}

    def restore(self, stored: dict[str, Any]) -> None:
        """Continue from a snapshot. A strategy that is gone is forgotten, and its position with it."""
        if stored["version"] != VERSION:
            raise ValueError(f"expected the state of strategies in version {VERSION}, found {stored['version']}")
        names = {strategy.name for strategy, _ in self._strategies}
        for name, symbol, interval, action, target, failures in stored["standings"]:
            if name in names:
                self._standing[name, symbol, interval] = Standing(action, Decimal(target), tuple(failures))


_NEW = Standing()


def _compact(text: str) -> str:
    """Without spaces, as rules name indicators."""
    return "".join(text.split())


def _signal(key: tuple[str, str, str], bar: Measured, opinion: Opinion, indicators: dict[str, Any]) -> Event[Signal]:
    name, symbol, interval = key
    payload = Signal(
        symbol=symbol,
        strategy=name,
        action=opinion.action,
        strength=opinion.strength,
        price=bar.bar.close,
        bar_end=format_time(bar.bar.end),
        indicators=indicators,
        interval=bar.interval,
    )
    header = _header(f"signal|{name}|{symbol}|{interval}|{bar.bar.end}", bar, EventType.SIGNAL_GENERATED)
    return Event(header, payload, bar.bar.end, Place(BARS, 0, bar.offset))


def _command(account: str, key: tuple[str, str, str], bar: Measured, change: Decimal) -> Event[OrderCommand]:
    name, symbol, interval = key
    order_id = f"{name}|{symbol}|{interval}|{bar.bar.end}"
    if len(order_id) > MAX_ID_CHARS:
        digest = sha256(order_id.encode("utf-8", "surrogatepass")).hexdigest()[:32]
        order_id = f"{name[:64]}|{digest}|{bar.bar.end}"
    payload = OrderCommand(
        command="place",
        account=account,
        order_id=order_id,
        idempotency_key=order_id,
        symbol=symbol,
        side="buy" if change > 0 else "sell",
        quantity=abs(change),
        order_type="market",
        strategy=name,
        timestamp=format_time(bar.bar.end),
    )
    return Event(_header(f"command|{order_id}", bar, EventType.ORDER_COMMAND), payload, bar.bar.end, Place(BARS, 0, bar.offset))


def _header(event_id: str, bar: Measured, event_type: EventType) -> Header:
    cause = f"bar|{bar.symbol}|{bar.interval or ''}|{bar.bar.start}"
    return Header(event_id, cause, event_type.value, int(LANES[event_type]), format_time(bar.bar.end), SOURCE)


def _reject(key: tuple[str, str, str], bar: Measured, detail: str) -> Reject:
    """A bar's record knows neither its partition nor its strategies, so a digest of the key keeps the ids of dead letters apart."""
    name, symbol, interval = key
    payload = msgspec.json.encode({"strategy": name, "symbol": symbol, "interval": interval, "end": bar.bar.end, "values": bar.values})
    index = crc32("|".join((*key, str(bar.bar.end))).encode("utf-8", "surrogatepass")) & 0x7FFFFFFF
    return Reject(BARS, 0, bar.offset, index, Reason.NUMBER, f"strategy {name!r} has no value: {detail}", payload, bar.bar.end)
