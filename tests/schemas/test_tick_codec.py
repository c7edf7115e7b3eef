"""The codec of ``market.ticks``: the compiled scanner never answers otherwise than msgspec with the checks."""

from __future__ import annotations

import json
import math

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from schemas import tick_codec
from schemas.symbols import SYMBOLS, SymbolTable
from schemas.tick_codec import TickDecoder, encode_tick, encode_ticks
from schemas.tick_scanner import MAX_RECORD_BYTES
from schemas.ticks import NO_SEQUENCE, NO_SIDE, NO_SYMBOL, WATERMARK, empty_rows
from schemas.ticks import QUOTE as QUOTE_KIND
from schemas.ticks import TRADE as TRADE_KIND
from tests.schemas.tick_batches import HEARTBEAT, QUOTE, TRADE, batch_of, plain_ticks, records, strange_ticks
from tests.schemas.tick_reference import careful, same

DECODER = TickDecoder()


def agrees(values: list[bytes], partitions: int = 1) -> None:
    rows, rejects = careful(values, partitions)
    found = DECODER.decode(batch_of(values, partitions))
    assert same(found.rows, rows), (values, found.rows, rows)
    assert [(r.offset, r.index, r.reason.value, r.detail, r.payload) for r in found.rejects] == rejects
    assert [r.first_seen_ns // 1_000_000 - 5000 for r in found.rejects] == [r.offset - 1000 for r in found.rejects]
    assert found.records == len(values)


@settings(max_examples=1500, deadline=None)
@given(st.lists(records(), max_size=5), st.integers(1, 3))
@example([b"", b" ", b"[]", b"[ ]", b"[,]", b"{}", b"[[]]", b"null"], 1)
@example([TRADE[:-1], b"}" + TRADE], 1)
@example([b"[" + TRADE + b",", TRADE + b"]"], 1)
@example([TRADE + b"x", TRADE + b"\x00", b"\xef\xbb\xbf" + TRADE], 1)
def test_scanner_never_answers_otherwise(values: list[bytes], partitions: int) -> None:
    agrees(values, partitions)


@settings(max_examples=1500, deadline=None)
@given(st.lists(strange_ticks(), min_size=1, max_size=2))
def test_scanner_never_answers_otherwise_on_strange_ticks(values: list[bytes]) -> None:
    agrees(values)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=60))
def test_any_bytes_become_rows_or_rejects(raw: bytes) -> None:
    agrees([raw])
    agrees([raw + TRADE, TRADE, raw])


@settings(max_examples=300, deadline=None)
@given(st.integers(0, len(TRADE)), st.integers(0, 255))
def test_each_single_byte_changed(place: int, byte: int) -> None:
    agrees([TRADE[:place] + bytes([byte]) + TRADE[place + 1 :], QUOTE[:place] + bytes([byte]) + QUOTE[place:], TRADE])


@pytest.mark.parametrize("name", ["type", "symbol", "timestamp", "price", "size", "bid", "bidSize", "sequence", "side", "venue"])
def test_keys_that_are_almost_known(name: str) -> None:
    both = TRADE[:-1] + b',"bid":1,"bidSize":2}'
    for other in (f"{name}\0", name.ljust(8, "\0"), name.ljust(9, "\0"), name[:-1], f"{name}s", name[:-1] + "x", f"{name} ", name.upper()):
        renamed = both.replace(f'"{name}"'.encode(), f'"{other}"'.encode())
        agrees([renamed, both[:-1] + f',"{other}":3}}'.encode(), TRADE])


@settings(max_examples=150, deadline=None)
@given(st.lists(plain_ticks(), min_size=1, max_size=20), st.integers(1, 5))
def test_what_feeds_write_is_not_declined(ticks: list[bytes], group: int) -> None:
    arrays = [b"[" + b",".join(ticks[at : at + group]) + b"]" for at in range(0, len(ticks), group)]
    for values in (ticks, arrays):
        found = DECODER.decode(batch_of(values))
        assert (found.declined, len(found.rows), found.rejects) == (0, len(ticks), [])
        assert same(found.rows, careful(values)[0])


@settings(max_examples=150, deadline=None)
@given(st.lists(records(), max_size=6))
def test_counter_law(values: list[bytes]) -> None:
    """Each element of an array, and each record that is none, is one row or one reject."""
    expected = 0
    for raw in values:
        try:
            whole: list[object] = [*msgspec.json.decode(raw, type=list[msgspec.Raw])]
        except (msgspec.DecodeError, ValueError):
            try:
                whole = json.loads(raw, strict=True) if raw.strip(b" \t\r\n").startswith(b"[") else [None]  # NaN is no JSON, yet told apart
            except (ValueError, RecursionError):
                whole = [None]
        expected += len(whole)
    assert DECODER.decode(batch_of(values)).ticks == expected


@settings(max_examples=300, deadline=None)
@given(st.lists(records(), max_size=6))
def test_decode_of_encode_is_the_row(values: list[bytes]) -> None:
    rows = DECODER.decode(batch_of(values)).rows
    encoded = encode_ticks(rows)
    assert encoded == [encode_tick(row) for row in rows]
    again = DECODER.decode(batch_of(encoded))
    rows = rows.copy()
    rows["offset"], rows["partition"], rows["index"] = again.rows["offset"], again.rows["partition"], -1
    assert again.rejects == []
    assert same(again.rows, rows)


def test_canonical_form() -> None:
    rows = DECODER.decode(batch_of([TRADE, QUOTE, HEARTBEAT])).rows
    assert encode_ticks(rows) == [
        b'{"type":"trade","timestamp":1340285400000000000,"symbol":"AMZN","price":223.95,"size":100.0,"sequence":1,"side":"buy"}',
        b'{"type":"quote","timestamp":1340285400000000001,"symbol":"AMZN","bid":223.9,"ask":224.0,"bidSize":1.0,"askSize":2.5}',
        HEARTBEAT,
    ]
    assert rows["kind"].tolist() == [TRADE_KIND, QUOTE_KIND, WATERMARK]
    assert rows["symbol"].tolist() == [SYMBOLS.code("AMZN"), SYMBOLS.code("AMZN"), NO_SYMBOL]
    heartbeat = empty_rows(1)
    heartbeat["time"], heartbeat["offset"], heartbeat["symbol"], heartbeat["side"] = 1340285400000000002, 1002, NO_SYMBOL, NO_SIDE
    assert same(rows[2:], heartbeat)
    assert rows[1]["sequence"] == NO_SEQUENCE


def tick(**fields: object) -> bytes:
    base = {"type": "trade", "symbol": "AMZN", "timestamp": 1, "price": 1.5, **fields}
    return json.dumps({name: value for name, value in base.items() if value != "absent"}).encode()


BAD = [
    (b"", "malformed", "empty record"),
    (b"  ", "malformed", "truncated"),
    (b'{"type":"trade"', "malformed", "truncated"),
    (TRADE + b"x", "malformed", "trailing"),
    (b"\xff" + TRADE, "malformed", "\\xff"),
    (b"5", "malformed", "expected an object, found 5"),
    (b'"text"', "malformed", "expected an object"),
    (b"[" * 100_000, "malformed", "deep"),
    (b'{"type":"trade","timestamp":1,"x":' + b"[" * 100_000, "malformed", "deep"),
    (b'{"type":"dividend",', "malformed", "truncated"),
    (TRADE.replace(b"XNAS", b"\xff\xfe"), "malformed", "UTF-8"),
    (tick(type="dividend"), "unknown_type", '"dividend"'),
    (tick(type=5), "unknown_type", "found 5"),
    (tick(type="absent"), "missing_field", "expected type"),
    (tick(type=None), "missing_field", "expected type"),
    (tick(timestamp="absent"), "missing_field", "timestamp"),
    (tick(timestamp=None), "missing_field", "timestamp"),
    (tick(symbol="absent"), "missing_field", "symbol"),
    (tick(symbol=None), "missing_field", "symbol"),
    (tick(price="absent"), "missing_field", "price"),
    (tick(price=None), "missing_field", "price"),
    (tick(type="quote"), "missing_field", "bid or ask"),
    (tick(price=math.nan), "number", "NaN"),
    (tick(price=-math.inf), "number", "Infinity"),
    (tick(price="1.5"), "number", '"1.5"'),
    (tick(price=True), "number", "found true"),
    (tick().replace(b"1.5", b"1e999"), "number", "price"),
    (tick(price=[1]), "number", "[1]"),
    (tick(sequence=2**63), "number", "sequence"),
    (tick(sequence=-1), "number", "sequence"),
    (tick(sequence=1.5), "number", "sequence"),
    (
        b'{"type":"trade","symbol":"A","timestamp":1,"price":1,"sequence":' + b"1" * 5000 + b"}",
        "number",
        "sequence",
    ),
    (tick(size=-1), "negative_size", "size of 0 or more, found -1"),
    (tick(type="quote", bid=1, bidSize=-0.5), "negative_size", "bidSize"),
    (tick(askSize=-2), "negative_size", "askSize"),
    (tick(timestamp=253_402_300_799 * 10**9), "time", "1970 to 2199"),
    (tick(timestamp="9999-12-31T00:00:00Z"), "time", "1970 to 2199"),
    (tick(timestamp=-1), "time", "-1"),
    (tick(timestamp=1.5), "time", "1.5"),
    (tick(timestamp="yesterday"), "time", "yesterday"),
    (tick(timestamp="2026-01-02T15:04:05"), "time", "expected a time such as"),
    (tick(timestamp=True), "time", "true"),
    (tick(timestamp="x" * 5000), "time", "xxx"),
    (tick(symbol=""), "symbol", "1 to 64 bytes, found 0"),
    (tick(symbol="S" * 300), "symbol", "found 300 bytes"),
    (tick(symbol="ä" * 33), "symbol", "found 66 bytes"),
    (tick(symbol=7), "symbol", "found 7"),
    (tick(side="short"), "malformed", "side"),
    (tick(venue=3), "malformed", "venue"),
    (b" " * (MAX_RECORD_BYTES + 1), "too_large", str(MAX_RECORD_BYTES)),
    (tick(note="x" * 5_000_000), "too_large", "found 50000"),
]


@pytest.mark.parametrize(("raw", "reason", "said"), BAD, ids=range(len(BAD)))
def test_each_bad_tick_has_its_reason(raw: bytes, reason: str, said: str) -> None:
    found = DECODER.decode(batch_of([TRADE, raw, QUOTE]))
    assert len(found.rows) == 2
    [reject] = found.rejects
    assert (reject.reason.value, reject.offset, reject.index, reject.payload) == (reason, 1001, -1, raw)
    assert said in reject.detail
    assert len(reject.detail) < 300


@pytest.mark.parametrize(("raw", "reason", "said"), [bad for bad in BAD if bad[1] not in ("malformed", "too_large")])
def test_one_bad_tick_of_a_hundred(raw: bytes, reason: str, said: str) -> None:
    ticks = [tick(sequence=place) for place in range(100)]
    ticks[37] = raw
    found = DECODER.decode(batch_of([b"[" + b" , ".join(ticks) + b"]"]))
    assert found.rows["index"].tolist() == [place for place in range(100) if place != 37]
    assert found.rows["sequence"].tolist() == found.rows["index"].tolist()
    [reject] = found.rejects
    assert (reject.reason.value, reject.index, reject.payload) == (reason, 37, raw)


def test_array_with_elements_that_are_no_objects() -> None:
    found = DECODER.decode(batch_of([b'[5,%b,"x",[%b],null]' % (TRADE, TRADE)]))
    assert found.rows["index"].tolist() == [1]
    assert [(r.index, r.reason.value, r.payload) for r in found.rejects] == [
        (0, "malformed", b"5"), (2, "malformed", b'"x"'), (3, "malformed", b"[" + TRADE + b"]"), (4, "malformed", b"null"),
    ]  # fmt: skip


def test_negative_price_is_for_the_operator_to_judge() -> None:
    found = DECODER.decode(batch_of([tick(price=-37.63)]))
    assert found.rows["price"].tolist() == [-37.63]
    assert found.declined == 0


def test_rows_are_owned_by_the_receiver() -> None:
    array = b"[" + b",".join([TRADE] * 50) + b"]"
    first = DECODER.decode(batch_of([array])).rows
    before = first.tobytes()
    DECODER.decode(batch_of([array.replace(b"223.95", b"999.95")]))
    assert first.tobytes() == before


def test_bytes_behind_the_last_record_are_not_read_as_part_of_it() -> None:
    found = DECODER.decode(batch_of([TRADE, TRADE[:-1]], data=TRADE + TRADE + b"x" * 500))
    assert len(found.rows) == 1
    assert found.rejects[0].payload == TRADE[:-1]


def test_full_symbol_table_refuses_new_symbols_only(monkeypatch: pytest.MonkeyPatch) -> None:
    table = SymbolTable()
    for module in ("schemas.tick_codec.SYMBOLS", "schemas.tick_checks.SYMBOLS"):
        monkeypatch.setattr(module, table)
    monkeypatch.setattr("schemas.symbols.MAX_SYMBOLS", 2)
    values = [tick(symbol="A"), b"[" + tick(symbol="B") + b"," + tick(symbol="C") + b"]", tick(symbol="A"), tick(symbol="D")]
    found = TickDecoder().decode(batch_of(values))
    assert found.rows["symbol"].tolist() == [0, 1, 0]
    assert [(r.offset, r.index, r.reason.value) for r in found.rejects] == [(1001, 1, "symbol"), (1003, -1, "symbol")]


def test_many_new_symbols_at_once() -> None:
    names = [f"SAMEHEAD-{place:06d}" for place in range(20_000)]  # alike in length and first word: only the rest tells them apart
    for _ in ("new", "known"):
        found = DECODER.decode(batch_of([tick(symbol=name) for name in names]))
        assert found.declined == 0
        assert [SYMBOLS.names[code] for code in found.rows["symbol"].tolist()] == names
        assert not found.rows["watermark"].any()


def test_rows_grow_where_ticks_are_denser_than_before() -> None:
    decoder = TickDecoder()
    decoder.decode(batch_of([tick(note="x" * 5000)] * 3))
    beats = [b"[" + b",".join([b'{"type":"heartbeat","timestamp":%d}' % (record * 1000 + place) for place in range(size)]) + b"]"
             for record, size in enumerate([1, 1, 700, 3, 300, 999, 2])]  # fmt: skip
    values = [TRADE, *beats, QUOTE]
    found = decoder.decode(batch_of(values))
    assert (found.declined, len(found.rows)) == (0, 2008)
    assert same(found.rows, careful(values)[0])


def test_empty_batch() -> None:
    found = DECODER.decode(batch_of([]))
    assert (len(found.rows), found.rejects, found.ticks) == (0, [], 0)
    assert tick_codec.encode_ticks(found.rows) == []
