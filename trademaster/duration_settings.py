"""A length of time among the settings: a text with a unit."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any

from pydantic import AfterValidator, GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from schemas.durations import format_duration, parse_duration


@dataclass(frozen=True, slots=True, order=True)
class Duration:
    """A length of time: ``250ms``, ``4s``, ``1m``. Equal when as long, however written."""

    ns: int
    text: str = field(default="", compare=False)
    """As it was written; a bar's ``interval`` shows it."""

    @classmethod
    def of(cls, value: Any) -> Duration:
        """Raises ValueError: the value is no text with a unit."""
        if isinstance(value, Duration):
            return value
        if not isinstance(value, str):
            raise ValueError(f"expected a duration such as 250ms, 4s or 1m, found {value!r}, which has no unit")
        return cls(parse_duration(value), value.strip())

    @property
    def seconds(self) -> float:
        return self.ns / 1e9

    def __str__(self) -> str:
        return self.text or format_duration(self.ns)

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: Any, _handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(cls.of, serialization=core_schema.to_string_ser_schema())


def _positive(value: Duration) -> Duration:
    if value.ns <= 0:
        raise ValueError(f"expected a duration longer than 0, found {str(value)!r}")
    return value


PositiveDuration = Annotated[Duration, AfterValidator(_positive)]
