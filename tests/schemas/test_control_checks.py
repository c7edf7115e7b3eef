"""Limits and instruments: the rules across their fields, and the forms that must say the same as the stream."""

from __future__ import annotations

import json
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from schemas.control import Instrument, Limit, Rule
from schemas.errors import RejectedRecord, UsageError
from trademaster.forms import FORMS, check, fill

RULES = get_args(Rule)
BAND = {"limitId": "band", "rule": "price_band", "scope": "firm", "threshold": "0.05"}

numbers: st.SearchStrategy[Any] = st.one_of(
    st.sampled_from(
        [
            "0.05",
            ".5",
            "1e3",
            "0",
            "-1",
            "NaN",
            "Infinity",
            "-0",
            "",
            "x",
            " 1",
            "1_0",
            0,
            1,
            0.045,
            0.05,
            -2,
            True,
            None,
            [],
            10**30,
            "1e-400",
        ]
    ),
    st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-3, max_value=3).map(str),
    st.floats(allow_nan=False, allow_infinity=False),
)
texts = st.one_of(st.none(), st.sampled_from(["", "A", "s" * 64, "s" * 65, "s" * 129, 7, True, "5m", "0s", "4", "1.5h", "é" * 40]))
limits = st.fixed_dictionaries(
    {},
    optional={
        "limitId": st.sampled_from(["l", "", "l" * 128, "l" * 129, 3, None]),
        "rule": st.sampled_from([*RULES, "none", 1]),
        "scope": st.sampled_from(["firm", "account", "symbol", "account+symbol", "book"]),
        "threshold": numbers,
        "clear": numbers,
        "account": texts,
        "symbol": texts,
        "window": texts,
        "onBreach": st.sampled_from(["alert", "halt", "shout", None]),
        "onTrigger": st.sampled_from(["alert", "close", 0]),
        "enabled": st.sampled_from([True, False, 1, "true", None]),
        "extra": st.just(1),
        "limit_id": st.just("not on the wire"),
    },
)
good_limits = st.fixed_dictionaries(
    {"limitId": st.just("l"), "rule": st.sampled_from(RULES), "scope": st.sampled_from(["firm", "symbol"]), "threshold": numbers},
    optional={"clear": numbers, "symbol": texts, "account": texts, "window": texts},
)
instruments = st.fixed_dictionaries(
    {"symbol": st.sampled_from(["A", "", "s" * 65, None, 1])},
    optional={
        **dict.fromkeys(["multiplier", "tickSize", "lotSize", "initialMargin", "maintenanceMargin"], numbers),
        **dict.fromkeys(["type", "currency", "baseCurrency"], texts),
        **dict.fromkeys(["inverse", "allowNegative"], st.sampled_from([True, False, 0, "no", None])),
        "extra": st.just(1),
    },
)


def by_the_stream(kind: Any, text: bytes) -> Any:
    """What the flows make of it; None where they refuse it."""
    try:
        payload = msgspec.json.decode(text, type=kind)
        check(payload)
    except (msgspec.DecodeError, RejectedRecord):
        return None
    return payload


def by_the_form(kind: Any, values: dict[str, Any]) -> Any:
    try:
        return fill(kind, values)
    except UsageError:
        return None


def form_alone_accepts(kind: Any, values: dict[str, Any]) -> bool:
    from pydantic import ValidationError

    from trademaster.forms import form_of

    try:
        form_of(kind).model_validate(values)
    except ValidationError:
        return False
    return True


@given(st.one_of(limits, good_limits).map(lambda values: (Limit, values)) | instruments.map(lambda values: (Instrument, values)))
def test_form_and_stream_accept_and_refuse_the_same(case: tuple[Any, dict[str, Any]]) -> None:
    kind, values = case
    text = json.dumps(values).encode()
    assert by_the_form(kind, json.loads(text)) == by_the_stream(kind, text)


@example((Limit, {**BAND, "threshold": "NaN"}))
@given(st.one_of(limits, good_limits).map(lambda values: (Limit, values)) | instruments.map(lambda values: (Instrument, values)))
def test_the_model_alone_agrees_with_the_definition_alone(case: tuple[Any, dict[str, Any]]) -> None:
    # Without the check across fields: otherwise that check would hide a model that is too loose.
    kind, values = case
    text = json.dumps(values).encode()
    try:
        msgspec.json.decode(text, type=kind)
        accepted = True
    except msgspec.DecodeError:
        accepted = False
    assert form_alone_accepts(kind, json.loads(text)) == accepted


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"threshold": "0"}, "threshold: expected a number greater than 0"),
        ({"threshold": "-0.1"}, "threshold"),
        ({"threshold": "NaN"}, "finite"),
        ({"scope": "account", "account": "A"}, "scope: expected symbol or firm"),
        ({"scope": "account+symbol", "account": "A", "symbol": "X"}, "scope"),
        ({"scope": "symbol"}, "symbol: expected one"),
        ({"scope": "account", "rule": "drawdown"}, "account: expected one"),
        ({"clear": "0.0501"}, "clear: expected more than 0 and at most the threshold"),
        ({"clear": "0"}, "clear"),
        ({"rule": "margin_cushion", "clear": "0.04"}, "clear: expected at least the threshold"),
        ({"window": "5"}, "window: expected a duration such as"),
        ({"window": "0s"}, "window: expected a duration longer than 0"),
    ],
)
def test_a_limit_that_makes_no_sense_is_refused_with_its_field(change: dict[str, str], says: str) -> None:
    with pytest.raises(UsageError, match="not a valid Limit") as caught:
        fill(Limit, {**BAND, **change})
    assert says in str(caught.value)


@pytest.mark.parametrize("change", [{}, {"scope": "symbol", "symbol": "AMZN"}, {"clear": "0.045"}, {"clear": 0.01}, {"window": "5m"}])
def test_a_limit_that_makes_sense_is_in_force(change: dict[str, str]) -> None:
    assert fill(Limit, {**BAND, **change}).limit_id == "band"


def test_a_form_names_every_field_that_is_wrong() -> None:
    with pytest.raises(UsageError) as caught:
        fill(Limit, {"limitId": "", "rule": "nonsense", "scope": "firm", "theshold": 1})
    assert "required: limitId" in caught.value.hint
    for name in ("limitId", "rule", "threshold: is required", "theshold: no field has that name"):
        assert name in str(caught.value)


def test_a_decimal_keeps_its_digits() -> None:
    assert str(fill(Instrument, {"symbol": "A", "tickSize": "0.10"}).tick_size) == "0.10"
    assert str(fill(Instrument, {"symbol": "A", "tickSize": 0.1}).tick_size) == "0.1"


def test_there_is_a_form_for_what_people_write() -> None:
    assert {kind.__name__ for kind in FORMS} == {"Account", "Action", "Limit", "Instrument", "Trading"}
