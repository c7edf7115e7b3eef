"""Whatever stands on a control topic is put in force or refused with a reason; nothing else is raised."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.control_codec import decode_control
from schemas.errors import RejectedRecord
from schemas.placement import place_record
from sources.bare_payloads import envelope, is_envelope
from trademaster.tick_records import route

TOPICS = ("control.limits", "control.instruments")
DEEP = b"[" * 100_000

numbers = st.sampled_from(["0.1", "1e400", "-1", "1e9999999999", "NaN", "x", "", "1e-400", 0.1, 10**400, None, True])
payloads = st.fixed_dictionaries(
    {},
    optional={
        "limitId": st.sampled_from(["a", "", "a" * 129, 5]),
        "rule": st.sampled_from(["price_band", "wibble", "margin_cushion"]),
        "scope": st.sampled_from(["firm", "symbol", "account", "account+symbol"]),
        "symbol": st.sampled_from(["AMZN", "", "x" * 65, "é" * 60, 1, None]),
        "threshold": numbers,
        "clear": numbers,
        "multiplier": numbers,
        "window": st.sampled_from(["1s", "x", "0s", None]),
    },
)


@given(
    st.sampled_from(TOPICS), st.sampled_from([None, b"", b"k", b"x" * 300, b"\xff"]), payloads.map(json.dumps).map(str.encode) | st.binary()
)
def test_a_control_event_is_read_or_refused(topic: str, key: bytes | None, value: bytes) -> None:
    with suppress(RejectedRecord):
        assert decode_control(topic, key, value).topic == topic


@pytest.mark.parametrize("value", [DEEP, b'{"header":{},"payload":' + DEEP, b'{"limitId":' + DEEP])
@pytest.mark.parametrize("topic", TOPICS)
def test_deep_nesting_is_refused(topic: str, value: bytes) -> None:
    with pytest.raises(RejectedRecord):
        decode_control(topic, None, value)
    assert not is_envelope(value)
    assert value in envelope(topic, 1, value)
    assert place_record(topic, value) == (b"", b"")
    assert route(value, 4) == [(0, b"", value)]
    assert route(b"[" + value + b"]", 4) == [(0, b"", b"[" + value + b"]")]
