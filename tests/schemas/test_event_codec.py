"""Envelopes: what is accepted, and that a refusal names the field, what was expected and what was found."""

from __future__ import annotations

import contextlib
import json
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import RejectedRecord
from schemas.event_codec import decode_event, open_envelope
from schemas.events import Envelope, Header, encode
from schemas.market import Bar
from schemas.portfolio import Lot, PositionUpdate

HEADER = Header("b|A|1s|0", "t-0-1", "BAR_CLOSED", 2, "1970-01-01T00:00:00.000000000Z", "market")
BAR = Bar("A", "1s", 0, "1970-01-01T00:00:01Z", 1.0, 2.0, 0.5, 1.5, 10.0, None, 3)
GOOD = encode(Envelope(HEADER, BAR))


def test_an_event_comes_back_as_it_was() -> None:
    assert decode_event(GOOD, Bar) == Envelope(HEADER, BAR)


decimals = st.decimals(allow_nan=False, allow_infinity=False).filter(lambda value: abs(value.adjusted()) < 300)


@given(st.lists(decimals, min_size=1, max_size=4), st.sampled_from(["A", "1E-7", "FUTURE-1E5"]))
def test_decimals_are_written_in_plain_notation_and_keep_their_value(values: list[Decimal], account: str) -> None:
    lots = tuple(Lot(value, value) for value in values)
    update = PositionUpdate(account, "X", values[0], None, values[-1], None, values[0], "USD", "fifo", lots, 1)
    encoded = encode(Envelope(HEADER, update))
    assert decode_event(encoded, PositionUpdate) == Envelope(HEADER, update)
    payload = json.loads(encoded)["payload"]
    assert payload["account"] == account
    for text in (payload["quantity"], payload["realizedPnl"], *(lot["price"] for lot in payload["lots"])):
        assert "E" not in text
    assert list(payload) == list(json.loads(msgspec.json.encode(update)))


def test_an_opened_envelope_keeps_its_payload_as_json() -> None:
    raw = open_envelope(GOOD)
    assert raw.header == HEADER
    assert bytes(raw.payload) == msgspec.json.encode(BAR)
    assert raw.target_service is None


BAD = [
    (b"", "malformed", ["expected JSON"]),
    (GOOD[:-1], "malformed", ["expected JSON", "truncated"]),
    (GOOD + b"}", "malformed", ["trailing"]),
    (b"[]", "malformed", ["expected object", "the record", "found []"]),
    (b"{}", "missing_field", ["header"]),
    (GOOD.replace(b'"open":1.0,', b""), "missing_field", ["payload.open"]),
    (GOOD.replace(b'"open":1.0', b'"open":null'), "missing_field", ["payload.open", "float", "null"]),
    (GOOD.replace(b'"open":1.0', b'"open":"1.0"'), "number", ["payload.open", "float", '"1.0"']),
    (GOOD.replace(b'"open":1.0', b'"open":1e999'), "number", ["payload.open", "1e999"]),
    (GOOD.replace(b'"open":1.0', b'"open":NaN'), "number", ["NaN"]),
    (GOOD.replace(b'"tradeCount":3', b'"tradeCount":3.5'), "number", ["payload.tradeCount", "int", "3.5"]),
    (GOOD.replace(b'"symbol":"A"', b'"symbol":"' + b"x" * 900 + b'"'), "malformed", ["payload.symbol", "xxx..."]),
    (GOOD.replace(b'"symbol":"A"', b'"symbol":"\xff"'), "malformed", ["UTF-8"]),
    (GOOD.replace(b'"symbol":"A"', b'"symbol":"A","colour":"red"'), "malformed", ["colour", "payload"]),
    (GOOD.replace(b"1970-01-01T00:00:00.000000000Z", b"soon"), "time", ["header.timestamp", "soon"]),
    (GOOD.replace(b'"1970-01-01T00:00:00.000000000Z"', b"1.5"), "time", ["header.timestamp", "1.5"]),
    (GOOD.replace(b'"payload":', b'"payload":' + b"[" * 100_000), "malformed", ["deep"]),
]


@pytest.mark.parametrize(("raw", "reason", "said"), BAD, ids=range(len(BAD)))
def test_a_refusal_says_where_and_what(raw: bytes, reason: str, said: list[str]) -> None:
    with pytest.raises(RejectedRecord) as refused:
        decode_event(raw, Bar)
    assert (refused.value.reason, [part for part in said if part not in str(refused.value)]) == (reason, [])
    assert len(str(refused.value)) < 300


@given(
    st.one_of(
        st.binary(max_size=50),
        st.tuples(st.integers(0, len(GOOD)), st.binary(max_size=3)).map(lambda cut: GOOD[: cut[0]] + cut[1] + GOOD[cut[0] + 1 :]),
    )
)
def test_any_bytes_are_an_event_or_refused(raw: bytes) -> None:
    for decode in (lambda: decode_event(raw, Bar), lambda: open_envelope(raw)):
        with contextlib.suppress(RejectedRecord):
            assert isinstance(decode().header, Header)
