"""The section ``signals`` of the settings: indicators, strategies and the orders that follow them."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from schemas.errors import UsageError
from trademaster.settings_section import Section


class StrategySection(Section):
    """A strategy: the name of one that ships, ``name: expression``, or a table of these fields."""

    name: str = Field(min_length=1, max_length=64, pattern=r"^[^|]*$")
    expression: str = ""
    buy: str = ""
    sell: str = ""
    flat: str = ""
    strength: str = ""
    symbols: tuple[str, ...] = ()
    interval: str = ""

    @model_validator(mode="before")
    @classmethod
    def of(cls, value: Any) -> Any:
        """From a text; of a table that names a strategy that ships the rest may be left out."""
        if isinstance(value, str):
            name, colon, expression = value.partition(":")
            value = {"name": name.strip(), "expression": expression.strip()} if colon else {"name": name.strip()}
            if not colon:
                _example(name.strip())
        if isinstance(value, dict):
            rules = {"expression", "buy", "sell", "flat"}
            if not rules & value.keys() and value.keys() <= cls.model_fields.keys():  # else the field that there is not is told
                value = {**_example(value.get("name")), **value}
            texts = rules | {"strength"}
            value = {key: str(given) if key in texts and isinstance(given, int | float) else given for key, given in value.items()}
        return value


def _example(name: Any) -> dict[str, Any]:
    """The fields of a strategy that ships. Raises ValueError: there is none of that name."""
    from operators.signals.examples import EXAMPLES

    if name not in EXAMPLES:
        shipped = ", ".join(EXAMPLES)
        raise ValueError(f"expected a strategy that ships ({shipped}) or one with its expression ('name: expression'), found {name!r}")
    example = EXAMPLES[name]
    return {key: getattr(example, key) for key in StrategySection.model_fields}


def _calls(value: Any) -> Any:
    """JSON, or a comma list in which commas within parentheses belong to the name: ``sma(20),macd(12,26,9)``."""
    if not isinstance(value, str):
        return value
    if value.strip().startswith("["):
        return json.loads(value)
    return [part.strip() for part in re.split(r",(?![^()]*\))", value) if part.strip()]


def _indicators(values: tuple[str, ...]) -> tuple[str, ...]:
    from operators.indicators.names import parse_indicators

    try:
        parse_indicators(values)
    except UsageError as error:
        raise _as_value_error(error) from None
    return values


def _strategy_list(value: Any) -> Any:
    """JSON, one ``name: expression``, or a comma list of names."""
    if not isinstance(value, str):
        return value
    if value.strip().startswith(("[", "{")):
        found = json.loads(value)
        return [found] if isinstance(found, dict) else found
    return [value] if ":" in value else [part.strip() for part in value.split(",") if part.strip()]


def _strategies(values: tuple[StrategySection, ...]) -> tuple[StrategySection, ...]:
    if values:
        from operators.signals.settings import StrategySettings
        from operators.signals.strategy import compile_strategies

        try:
            compile_strategies([StrategySettings(**value.model_dump()) for value in values])
        except UsageError as error:
            raise _as_value_error(error) from None
    return values


def _as_value_error(error: UsageError) -> ValueError:
    return ValueError(f"{error}; {error.hint}" if error.hint else str(error))


class SignalsSettings(Section):
    """The signals flow. `docs/signals.md` says how to write a strategy."""

    indicators: Annotated[tuple[str, ...], BeforeValidator(_calls), AfterValidator(_indicators)] = Field(
        default=("sma(20)", "ema(20)", "rsi(14)", "macd(12,26,9)", "bb(20,2)", "atr(14)"),
        description="computed of every symbol and interval of bars, such as `sma(20)`, `macd(12,26,9)`, `correlation(20,SPY)` or `obv`",
        json_schema_extra={"allowed": "[indicators](indicators.md)"},
    )
    strategies: Annotated[tuple[StrategySection, ...], BeforeValidator(_strategy_list), AfterValidator(_strategies)] = Field(
        default=(),
        description="asked once per closed bar: names of those that ship, `name: expression`, or tables",
        json_schema_extra={"allowed": "[strategies](signals.md)"},
    )
    account: str = Field(default="", description="account whose orders follow the signals; empty: signals make no orders")
    quantity: Decimal = Field(default=Decimal(100), gt=0, description="of the position that a signal leads to, long or short")
    short: bool = Field(default=True, description="`sell` leads to a short position; else it closes the long one")
