"""Forms: what a person fills in, with errors that a person can use.

A form is a Pydantic model made from the msgspec Struct that flows; nothing is defined twice. What a form accepts the
stream accepts, and the other way round (a property test holds it), for both end in the same check across fields.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import Annotated, Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, create_model

from schemas.control_checks import CHECKS
from schemas.errors import RejectedRecord, UsageError
from schemas.events import Payload
from schemas.json_errors import JSON_ERRORS

P = TypeVar("P", bound=Payload)

FORMS: tuple[type[Payload], ...] = tuple(CHECKS)
"""What can be filled in."""


@cache
def form_of(payload: type[Payload]) -> type[BaseModel]:
    """The Pydantic model of a payload: the same names (camelCase), types, bounds and defaults; unknown fields refused."""
    hints = get_type_hints(payload, include_extras=True)
    fields: dict[str, Any] = {}
    for field in msgspec.structs.fields(payload):
        default = ... if field.required else field.default
        fields[field.name] = (_annotation(hints[field.name]), Field(default, alias=field.encode_name))
    config = ConfigDict(extra="forbid", frozen=True, strict=True, title=payload.__name__)
    return create_model(payload.__name__, __config__=config, __doc__=payload.__doc__, **fields)


def fill(payload: type[P], values: Mapping[str, Any]) -> P:
    """The event that a person meant.

    Args:
        payload: which form: one of FORMS.
        values: by the names of the wire, as a JSON decoder makes them (decimals as text or number).

    Raises:
        UsageError: names each field that is wrong, with what was expected and found.
    """
    found = faults_of(payload, values)
    if found:
        raise UsageError(f"not a valid {payload.__name__}: " + "; ".join(found), hint=names_of(payload))
    return msgspec.json.decode(_json(values), type=payload)


def faults_of(payload: type[Payload], values: Mapping[str, Any]) -> list[str]:
    """What is wrong with what a person filled in: each field with what was expected and found; empty: nothing."""
    try:
        form_of(payload).model_validate(dict(values))
    except ValidationError as error:
        return [_line(payload, detail) for detail in error.errors(include_url=False)]
    try:
        CHECKS[payload](msgspec.json.decode(_json(values), type=payload))
    except (RejectedRecord, *JSON_ERRORS) as error:
        return [str(error)]
    return []


def check(payload: Payload) -> None:
    """The check across fields of a payload that came by the stream.

    Raises:
        RejectedRecord: it makes no sense.
    """
    rule = CHECKS.get(type(payload))
    if rule:
        rule(payload)


def _json(values: Mapping[str, Any]) -> bytes:
    """JSON of the values; a Decimal keeps its text."""
    return json.dumps(dict(values), default=str).encode()


def _annotation(hint: Any) -> Any:
    """A msgspec annotation in Pydantic's words."""
    if hint is Decimal:
        return Annotated[Decimal, Field(allow_inf_nan=True), BeforeValidator(_decimal)]  # as the Struct: the check refuses NaN
    if get_origin(hint) is Annotated:
        inner, *notes = get_args(hint)
        metas = [note for note in notes if isinstance(note, Meta)]
        bounds = {name: getattr(meta, name) for meta in metas for name in _BOUNDS if getattr(meta, name) is not None}
        return Annotated[_annotation(inner), Field(**bounds)]
    arguments = get_args(hint)
    if arguments and type(None) in arguments:
        return Union[tuple(_annotation(argument) for argument in arguments)]  # noqa: UP007  (made at run time)
    return hint


_BOUNDS = ("min_length", "max_length", "gt", "ge", "lt", "le", "description")


def _decimal(value: Any) -> Decimal:
    """Decimal text or a JSON number, read from its text: never through a float's binary value."""
    if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
        raise ValueError('expected a decimal such as "1.5" or 1.5')
    try:
        return Decimal(str(value))
    except InvalidOperation:
        raise ValueError('expected a decimal such as "1.5" or 1.5') from None


def _line(payload: type[Payload], detail: Any) -> str:
    where = ".".join(str(part) for part in detail["loc"][:1]) or payload.__name__
    if detail["type"] == "extra_forbidden":
        return f"{where}: no field has that name"
    if detail["type"] == "missing":
        return f"{where}: is required"
    message = str(detail["msg"]).removeprefix("Value error, ")
    return f"{where}: {message[:1].lower()}{message[1:]}, found {detail['input']!r}"


def names_of(payload: type[Payload]) -> str:
    """The fields of a form, for a hint."""
    fields = msgspec.structs.fields(cast("Any", payload))
    required = [field.encode_name for field in fields if field.required]
    optional = [field.encode_name for field in fields if not field.required]
    return f"required: {', '.join(required)}; may be given: {', '.join(optional)}"
