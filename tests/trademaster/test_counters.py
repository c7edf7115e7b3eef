"""The law of the counters: in = out + late + dead, whatever the mixture. *Out* is what was applied: the trades of the bars."""

from __future__ import annotations

import base64
import io
import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from trademaster.pipe_input import run_pipe_over
from trademaster.settings import Settings

BASE_NS = 1340285400 * 10**9

Element = tuple[bytes, str]
"""JSON of one tick, and what becomes of it: ``good`` (late or not, as it comes) or the reason of its dead letter."""


def trade(second: int, **changes: Any) -> bytes:
    fields = {"type": "trade", "symbol": "A", "timestamp": BASE_NS + second * 10**9, "price": 100.5, "size": 2, **changes}
    return json.dumps({name: value for name, value in fields.items() if value is not ...}).encode()


good = st.builds(
    lambda second, symbol, size: (trade(second, symbol=symbol, size=size), "good"),
    st.integers(0, 10),
    st.sampled_from(["A", "B", "é", "x" * 64]),
    st.sampled_from([1, 0.5, None, ...]),
)
BAD: list[Element] = [
    (trade(1, price=...), "missing_field"),
    (trade(1, price=None), "missing_field"),
    (trade(1).replace(b"100.5", b"NaN"), "number"),
    (trade(1).replace(b"100.5", b"-Infinity"), "number"),
    (trade(1).replace(b"100.5", b"1e400"), "number"),
    (trade(1, price="100.5"), "number"),
    (trade(1, price=-1), "negative_price"),
    (trade(1, size=-1), "negative_size"),
    (trade(1, timestamp="9999-12-31T00:00:00Z"), "time"),
    (trade(1, timestamp=253402300799 * 10**9), "time"),
    (trade(1, timestamp=...), "missing_field"),
    (trade(1, type="wibble"), "unknown_type"),
    (trade(1, symbol="S" * 300), "symbol"),
    (trade(1, symbol=""), "symbol"),
    (trade(1, symbol=...), "missing_field"),
    (b"{}", "missing_field"),
    (b"7", "malformed"),
    (b"null", "malformed"),
]
elements = st.one_of(good, good, good, st.sampled_from(BAD))

BAD_LINES: list[Element] = [
    (b'{"type":"trade",', "malformed"),
    (b"x\xff\xfe", "malformed"),
    (trade(1).replace(b'"A"', b'"\xc3"'), "malformed"),
    (b"[" * 4000, "malformed"),
    (b'{"topic":"nobody.reads","value":1}', "malformed"),
    (b'{"topic":"market.bars","value":{"symbol":"A"}}', "malformed"),
    (b'{"topic":"control.limits","value":{"limitId":"a","rule":"price_band","scope":"firm","threshold":-1}}', "control"),
]


def value_of(line: bytes) -> bytes:
    """Of a line that names a known topic its dead letter holds the value alone."""
    return line if b"nobody" in line else line[line.find(b'"value":') + 8 : -1] if b'"value":' in line else line


_one = elements.map(lambda element: ([element], element[0]))
_array = st.lists(elements, max_size=8).map(lambda held: (held, b"[" + b", ".join(raw for raw, _ in held) + b"]"))
_bad_line = st.sampled_from(BAD_LINES).map(lambda line: ([(value_of(line[0]), line[1])], line[0]))
_blank: st.SearchStrategy[tuple[list[Element], bytes]] = st.sampled_from([([], b""), ([], b"  \t"), ([], b"[]")])


@settings(deadline=None, max_examples=150)
@given(st.lists(st.one_of(_one, _one, _array, _bad_line, _blank), max_size=25))
def test_in_is_out_and_late_and_dead(lines: list[tuple[list[Element], bytes]]) -> None:
    given_elements = [element for held, _ in lines for element in held]
    out = io.BytesIO()
    run_pipe_over(Settings(), ["market"], io.BytesIO(b"\n".join(raw for _, raw in lines)), out)
    payloads = [(event["topic"], event["value"]["payload"]) for event in map(json.loads, out.getvalue().splitlines())]
    letters = [payload for topic, payload in payloads if topic == "dead.letters"]
    applied = sum(payload["tradeCount"] for topic, payload in payloads if topic == "market.bars" and payload["interval"] == "1m")
    late = [letter for letter in letters if letter["reason"] == "late"]
    assert len(given_elements) == applied + len(letters)
    expected = sorted((reason, raw) for raw, reason in given_elements if reason not in ("good", "negative_price"))
    dead = [(letter["reason"], base64.b64decode(letter["payload"])) for letter in letters if letter not in late]
    assert sorted(letter for letter in dead if letter[0] != "negative_price") == expected
    negative = [raw for raw, reason in given_elements if reason == "negative_price"]
    assert sum(reason == "negative_price" for reason, _ in dead) == len(negative)
    # What was decided after decoding is kept as it was understood, not letter by letter.
    known = [json.loads(raw)["timestamp"] for raw, reason in given_elements if reason in ("good", "negative_price")]
    for letter in letters:
        if letter["reason"] in ("late", "negative_price"):
            assert json.loads(base64.b64decode(letter["payload"]))["timestamp"] in known
