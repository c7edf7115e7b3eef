"""Batches and ticks for the tests of the codec of ``market.ticks``."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
from hypothesis import strategies as st

from schemas.bus import Batch

TRADE = (
    b'{"type":"trade","symbol":"AMZN","timestamp":1340285400000000000,"price":223.95,"size":100,"sequence":1,"side":"buy","venue":"XNAS"}'
)
QUOTE = b'{"type":"quote","symbol":"AMZN","timestamp":1340285400000000001,"bid":223.9,"ask":224,"bidSize":1,"askSize":2.5}'
HEARTBEAT = b'{"type":"heartbeat","timestamp":1340285400000000002}'


def batch_of(values: Sequence[bytes], partitions: int = 1, data: bytes | None = None) -> Batch:
    """A batch with these values; offsets from 1000 on, times from 5000 ms on."""
    count = len(values)
    return Batch(
        topic="market.ticks",
        data=np.frombuffer(b"".join(values) if data is None else data, np.uint8),
        ends=np.cumsum([len(value) for value in values], dtype=np.int64) if count else np.zeros(0, np.int64),
        partition=np.arange(count, dtype=np.int32) % partitions,
        offset=np.arange(1000, 1000 + count, dtype=np.int64),
        timestamp_ms=np.arange(5000, 5000 + count, dtype=np.int64),
    )


SPACE = st.sampled_from(["", "", "", " ", "\n", "\t\r ", "   "])
NAMES = st.sampled_from(
    ["A", "AMZN", "BTC-USDT", "EURUSD=X9", "SIXTEEN-LETTERS!", "E" * 64, "E" * 65, "", "ÄÖ", "a\\u0041", 'q\\"q', "\\ud800"]
)
NUMBERS = st.one_of(
    st.integers(-(10**20), 10**20).map(str),
    st.decimals(allow_nan=False, allow_infinity=False, places=2, min_value=-(10**6), max_value=10**7).map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.floats(0, 1e6).map(repr),
    st.from_regex(r"\A-?[0-9]{1,20}(\.[0-9]{0,20})?([eE][+-]?[0-9]{1,3})?\Z"),
    st.sampled_from(
        [
            "0",
            "-0",
            "-0.0",
            "0.0",
            "00",
            "01",
            "1.",
            ".5",
            "-",
            "-1",
            "1e5",
            "1E-5",
            "1e999",
            "NaN",
            "Infinity",
            "-Infinity",
            "null",
            "true",
            '"1"',
            "[]",
            "{}",
            "9007199254740991",
            "9007199254740992",
            "9007199254740993",
            "900719925474099.3",
            "0.1",
            "0.30000000000000004",
            "99999999.99999999",
            "1.000000000000000",
            "1.0000000000000000",
            "0.00000001",
            "0.000000000000001",
            "123456789012345678",
            "9223372036854775807",
            "9223372036854775808",
            "9999999999999999999",
            "18446744073709551616",
        ]
    ),
)
TIMES = st.one_of(
    st.integers(0, 7_258_118_400 * 10**9 - 1).map(str),
    st.datetimes().map(lambda when: f'"{when.isoformat()}Z"'),
    st.sampled_from(
        [
            "0",
            "7258118399999999999",
            "7258118400000000000",
            "-1",
            "1.5",
            "1e18",
            "null",
            '"2026-01-02T15:04:05.123456789Z"',
            '"2026-02-29T00:00:00Z"',
            '"2024-02-29T00:00:00Z"',
            '"2026-01-02T15:04:05+01:00"',
            '"2026-01-02t15:04:05z"',
            '"1969-12-31T23:59:59Z"',
            '"2199-12-31T23:59:59.9Z"',
            '"2200-01-01T00:00:00Z"',
            '"2026-01-02T15:04:60Z"',
            '"2026-01-02T24:00:00Z"',
            '"2026-01-02T15:04:05.1234567890Z"',
            '"2026-01-02T15:04:05.Z"',
            '"2026-1-02T15:04:05Z"',
            '"2026-13-02T15:04:05Z"',
            '"2100-02-29T00:00:00Z"',
            '"2026-01-02T15:04:05.12345678Z"',
            '""',
            "01",
            "9" * 19,
            "9" * 30,
        ]
    ),
)
VALUES = {
    "type": st.sampled_from(['"trade"', '"quote"', '"heartbeat"', '"tradE"', "null", '"tr\\u0061de"', "1", '"trade\x00"', '"quot"']),
    "timestamp": TIMES,
    "symbol": st.one_of(NAMES.map(lambda name: f'"{name}"'), st.sampled_from(["null", "5", '"\x00"', '"A\x7f"'])),
    "side": st.sampled_from(['"buy"', '"sell"', "null", '"Buy"', "1", '"buys"']),
    "venue": st.sampled_from(['"XNAS"', "null", "3", '"a longer name of a venue"', '"\\n"', '"é"', '""']),
    "sequence": st.one_of(NUMBERS, st.integers(0, 2**63).map(str)),
}
OTHERS = st.sampled_from(
    ["x", "typ", "types", "timestam", "timestamq", "sequenc", "sequences", "", "a longer key than any", "type\x00", "pr\\u0069ce", "é"]
)
ANY_VALUE = st.one_of(
    NUMBERS, st.sampled_from(["true", "false", "nul", "tru", '"text"', '"t\\"ext"', '"\x01"', '"\x7f"', "[1,2]", '{"a":1}', '"é"', "--1"])
)


@st.composite
def plain_ticks(draw: st.DrawFn) -> bytes:
    """Good ticks as feeds write them: known keys, usual numbers, any order."""
    kind = draw(st.sampled_from(["trade", "quote", "heartbeat"]))
    time: int | str = draw(st.integers(0, 7_258_118_399_999_999_999))
    tick: dict[str, object] = {"type": kind, "timestamp": time}
    if kind != "heartbeat":
        tick["symbol"] = draw(st.sampled_from(["A", "AMZN", "BTC-USDT", "EURUSD=X9", "E" * 64]))
        cents = st.integers(-(10**9), 10**12).map(lambda number: number / 100)
        sizes = st.one_of(st.integers(0, 10**6), st.integers(0, 10**9).map(lambda number: number / 1000))
        for name in ("price",) if kind == "trade" else ("bid", "ask"):
            tick[name] = draw(cents)
        for name in ("size", "bidSize", "askSize"):
            if draw(st.booleans()):
                tick[name] = draw(sizes)
        if draw(st.booleans()):
            tick["sequence"] = draw(st.integers(0, 2**63 - 1))
        if draw(st.booleans()):
            tick["side"] = draw(st.sampled_from(["buy", "sell"]))
    if draw(st.booleans()):
        tick["venue"] = "XNAS"
    order = draw(st.permutations(list(tick)))
    return msgspec.json.encode({name: tick[name] for name in order})


@st.composite
def strange_ticks(draw: st.DrawFn) -> bytes:
    """JSON objects that are almost ticks: nasty numbers, spaces, repeated, missing and foreign keys."""
    names = ["type", "timestamp", "symbol", "price", "size", "bid", "ask", "bidSize", "askSize", "sequence", "side", "venue"]
    base = {"type": '"trade"', "timestamp": "1", "symbol": '"A"', "price": "1.5", "bid": "2"}
    pairs = [(name, value) for name, value in base.items() if draw(st.integers(0, 9)) > 0]
    for _ in range(draw(st.integers(0, 3))):
        name = draw(st.one_of(st.sampled_from(names), OTHERS))
        value = draw(
            st.one_of(VALUES.get(name, NUMBERS) if name in names else ANY_VALUE, ANY_VALUE)
            if draw(st.booleans())
            else VALUES.get(name, NUMBERS)
        )
        if draw(st.integers(0, 9)) > 0:
            pairs = [pair for pair in pairs if pair[0] != name]
        pairs.append((name, value))
    pairs = draw(st.permutations(pairs))
    s = [draw(SPACE) for _ in range(4)]
    text = ",".join(f'{s[0]}"{name}"{s[1]}:{s[2]}{value}{s[3]}' for name, value in pairs)
    return (draw(SPACE) + "{" + text + "}" + draw(SPACE)).encode("utf-8", "surrogatepass")


@st.composite
def records(draw: st.DrawFn) -> bytes:
    """Records of every sort: plain, strange, arrays of both, mutated bytes."""
    ticks = st.one_of(plain_ticks(), strange_ticks())
    if draw(st.integers(0, 3)) == 0:
        space = draw(SPACE).encode()
        raw = b"[" + (b"," + space).join(draw(st.lists(ticks, max_size=4))) + space + b"]"
    else:
        raw = draw(ticks)
    if draw(st.integers(0, 3)) == 0 and raw:
        place = draw(st.integers(0, len(raw) - 1))
        width = draw(st.integers(0, 3))
        new = draw(
            st.one_of(st.binary(max_size=3), st.sampled_from([b'"', b"{", b"}", b"[", b"]", b",", b":", b"\\", b"\xff", b"0", b" "]))
        )
        raw = raw[:place] + new + raw[place + width :]
    return raw
