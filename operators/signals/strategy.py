"""One strategy: what it says of a bar, given what it said last."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import get_args

from operators.indicators.indicator import PriceBar, Value
from operators.indicators.names import Definition
from operators.signals.expression import Expression, NoValue, compiled
from operators.signals.settings import StrategySettings
from operators.signals.translation import Rule, WrongExpression
from schemas.errors import UsageError
from schemas.signals import SignalAction

ACTIONS: tuple[SignalAction, ...] = get_args(SignalAction)


@dataclass(frozen=True, slots=True)
class Opinion:
    """What a strategy says of a bar that it did not say before."""

    action: SignalAction
    strength: float


class Strategy:
    """A strategy whose rules are compiled."""

    def __init__(self, settings: StrategySettings) -> None:
        """Raises UsageError: a rule is wrong, and where."""
        self.name = settings.name
        self.interval = settings.interval
        self.symbols = frozenset(settings.symbols)
        self._action = self._compiled(settings.name, "expression", settings.expression, "action")
        conditions = [(action, self._compiled(settings.name, action, getattr(settings, action), "condition")) for action in ACTIONS]
        self._conditions = [(action, condition) for action, condition in conditions if condition is not None]
        self._strength = self._compiled(settings.name, "strength", settings.strength, "strength")
        if (self._action is None) == (not self._conditions):
            found = "both" if self._conditions else "none"
            raise UsageError(f"strategy {self.name!r}: expected either an expression or conditions (buy, sell, flat), found {found}")
        if self._action is not None:
            _check_actions(self.name, self._action.rule)
        rules = (self._action, *(condition for _, condition in self._conditions), self._strength)
        self.definitions: dict[str, Definition] = {}
        for expression in rules:
            self.definitions |= expression.rule.definitions if expression is not None else {}

    @staticmethod
    def _compiled(name: str, part: str, text: str, result: str) -> Expression | None:
        if not text.strip():
            return None
        try:
            return compiled(text, result)
        except WrongExpression as error:
            raise UsageError(f"strategy {name!r}, {part}, character {error.at + 1}: {error}", hint=error.hint) from None

    def looks_at(self, symbol: str, interval: str | None) -> bool:
        """Whether bars of these are its business."""
        return (not self.symbols or symbol in self.symbols) and (not self.interval or interval == self.interval)

    def opinion(self, values: Mapping[str, Value], bar: PriceBar, texts: Mapping[str, str]) -> Opinion | None:
        """What it says of a bar; None where that is what it said last, and while an indicator that it asks for has no value.

        Args:
            values: of its ``definitions``, by their text.
            bar: the bar.
            texts: its last action as ``last``, and ``symbol`` and ``interval`` of the bar.

        Raises:
            NoValue: a rule divides by zero, or gives what is no action.
        """
        action = self._said(values, bar, texts)
        if action is None or action == texts["last"]:
            return None
        if action not in ACTIONS:
            raise NoValue(f"expected 'buy', 'sell' or 'flat', found {str(action)[:100]!r}")
        strength = 1.0 if self._strength is None else self._strength.evaluate(values, bar, texts)
        if strength is None:
            return None
        if not isfinite(strength):
            raise NoValue(f"expected a finite strength, found {strength}")
        return Opinion(action, min(max(float(strength), 0.0), 1.0))

    def _said(self, values: Mapping[str, Value], bar: PriceBar, texts: Mapping[str, str]) -> str | None:
        if self._action is not None:
            said: str | None = self._action.evaluate(values, bar, texts)
            return said
        for action, condition in self._conditions:
            holds = condition.evaluate(values, bar, texts)
            if holds is None:
                return None
            if holds:
                return action
        return texts["last"]


def compile_strategies(settings: Sequence[StrategySettings]) -> tuple[Strategy, ...]:
    """Strategies of different names.

    Raises:
        UsageError: one is wrong, or its name stands twice.
    """
    names = [one.name for one in settings]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UsageError(f"expected each strategy once, found {', '.join(twice)} more often")
    return tuple(map(Strategy, settings))


def _check_actions(name: str, rule: Rule) -> None:
    """Texts that stand where a result stands must be actions."""
    words = [token for token in rule.tokens if token.kind != "space"]
    for at, token in enumerate(words):
        before = words[at - 1].text if at else "?"
        after = words[at + 1].text if at + 1 < len(words) else ")"
        if token.kind == "string" and before in "?:" and after in ":)" and token.text[1:-1] not in ACTIONS:
            raise UsageError(
                f"strategy {name!r}, expression, character {token.at + 1}: expected 'buy', 'sell' or 'flat', found {token.text}"
            )
