"""Laws of CSV: Python's ``csv`` module says what the cells are, each row is a tick or a reject, and no piece knows where it was cut."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from schemas.dead_letters import Reason
from schemas.errors import InputFileError, UsageError
from schemas.symbols import SYMBOLS
from schemas.ticks import QUOTE, TRADE, Rows
from schemas.times import format_time
from sources.columns import TableOptions, resolve
from sources.csv import MAX_CELL_CHARACTERS, read_payloads, read_ticks
from sources.csv import _open as open_tables
from sources.input_files import chunks
from sources.table import BadLine

PLAIN = TableOptions(symbol="X")


def ticks(data: bytes, options: TableOptions = PLAIN, chunk_bytes: int = 1 << 20) -> tuple[Rows, list[BadLine]]:
    blocks = list(read_ticks(io.BytesIO(data), options, chunk_bytes=chunk_bytes))
    return np.concatenate([block.rows for block in blocks]), [reject for block in blocks for reject in block.rejects]


def cells_of(data: bytes, chunk_bytes: int) -> list[tuple[int, list[str | None]]]:
    """Line and first three cells of every row, as the readers see them."""
    options = TableOptions(columns={"a": "1", "b": "2", "c": "3"}, header=False, delimiter=",")
    opened = open_tables(io.BytesIO(b"h," * 99 + b"h\n" + data), "audit", options, chunk_bytes)
    assert opened is not None
    found = []
    for table in opened[1]:
        columns = [table.frame[name].to_list() for name in "abc"]
        assert not table.rejects
        found += list(zip(table.lines.tolist(), map(list, zip(*columns, strict=True)), strict=True))
    return found[1:]


def by_the_module(data: bytes) -> list[tuple[int, list[str | None]]]:
    reader = csv.reader(io.TextIOWrapper(io.BytesIO(data), "utf-8", newline=""))
    found: list[tuple[int, list[str | None]]] = []
    line = 0
    for row in reader:
        if row:
            found.append((line + 2, [row[at] or None if at < len(row) else None for at in range(3)]))
        line = reader.line_num
    return found


cell = st.text(st.sampled_from(list('a1,"\n\r \té\u2028;x')), max_size=5)


@st.composite
def written_tables(draw: st.DrawFn) -> bytes:
    """What the module itself writes, in any of its ways."""
    out = io.StringIO(newline="")
    quoting: Literal[0, 1] = draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
    writer = csv.writer(out, lineterminator=draw(st.sampled_from(["\n", "\r\n"])), quoting=quoting)
    writer.writerows(draw(st.lists(st.lists(cell, min_size=1, max_size=5), max_size=6)))
    text = out.getvalue()
    return (text if draw(st.booleans()) else text.rstrip("\r\n")).encode()


def balanced(data: bytes) -> bool:
    """No quote stays open to the end: how that is mended is a law of its own."""
    lines = data.splitlines(keepends=True)
    asked: list[bool] = []

    def feed() -> Iterator[str]:
        for line in lines:
            yield line.decode()
        asked.append(True)

    # Within a row the module asks for one more line only where a quote is open.
    return all(not asked for _ in csv.reader(feed()))


@given(written_tables(), st.integers(1, 40))
def test_what_the_csv_module_writes_is_read_as_it_reads_it(data: bytes, chunk_bytes: int) -> None:
    if balanced(data):
        assert cells_of(data, chunk_bytes) == by_the_module(data)


@given(st.lists(st.text(st.sampled_from(list('a1,"\n\r é')), max_size=8), max_size=8).map("\n".join), st.integers(1, 40))
@example('a,"b\n', 7)
@example('"",""\n', 100)
@example('""\n', 100)
@example('x,"a" ,1\n"b"\n', 100)
def test_any_text_is_read_as_the_csv_module_reads_it(text: str, chunk_bytes: int) -> None:
    data = text.encode()
    if balanced(data):
        assert cells_of(data, chunk_bytes) == by_the_module(data)


good_row = st.tuples(st.integers(0, 10**6), st.integers(1, 10**6), st.integers(0, 100)).map(
    lambda row: f"2012-06-21 09:{row[0] % 60:02d}:00.{row[0]:09d},{row[1]},{row[2]}"
)
bad_row = st.sampled_from(["", ",,", "x", "2012-06-21 09:30:00,abc,1", "2012-06-21 09:30:00,nan,1", "2012-06-21 09:30:00,5,-1", "soon,1,1"])


@given(st.lists(good_row, min_size=1), st.lists(st.tuples(st.integers(0, 50), bad_row)), st.integers(1, 200))
def test_each_row_is_a_tick_or_a_reject_wherever_pieces_are_cut(good: list[str], bad: list[tuple[int, str]], chunk_bytes: int) -> None:
    rows = list(good)
    for at, row in bad:
        rows.insert(1 + at % len(rows), row)
    data = ("time,price,size\n" + "\n".join(rows)).encode()
    found, rejects = ticks(data, chunk_bytes=chunk_bytes)
    lines = [number for number, row in enumerate(rows, 2) if row]
    assert sorted([*found["offset"].tolist(), *(reject.line for reject in rejects)]) == lines
    assert all(reject.text == rows[reject.line - 2].encode() for reject in rejects)
    assert len(found) == len(good)
    whole, same_rejects = ticks(data)
    assert repr(found.tolist()) == repr(whole.tolist())
    assert rejects == same_rejects
    assert (found["watermark"] == np.maximum.accumulate(found["time"])).all()


def test_bad_rows_say_why() -> None:
    data = b"""time,price,size,bid,side,sequence,symbol
2012-06-21,1,2,,,,A
2012-06-31,1,2,,,,A
2012-06-21,one,2,,,,A
2012-06-21,1,-2,,,,A
2012-06-21,,,,,,A
2012-06-21,1,2,,,,
2012-06-21,1,2,,up,,A
2012-06-21,1,2,,Buy,1.5,A
2012-06-21,inf,2,,,,A
2012-06-21,-1,2,3,SELL,7,A
2012-06-21,,2,3,,8,A
2012-06-21
"""
    rows, rejects = ticks(data, TableOptions())
    assert [(reject.line, reject.reason) for reject in rejects] == [
        (3, Reason.TIME),
        (4, Reason.NUMBER),
        (5, Reason.NEGATIVE_SIZE),
        (6, Reason.MISSING_FIELD),
        (7, Reason.SYMBOL),
        (8, Reason.MALFORMED),
        (9, Reason.NUMBER),
        (10, Reason.NUMBER),
        (13, Reason.MISSING_FIELD),
    ]
    assert rejects[1].detail == "column 'price' (price): expected a number, found 'one'"
    assert rows["kind"].tolist() == [TRADE, TRADE, QUOTE]
    assert rows["side"].tolist() == [0, -1, 0]
    assert rows["sequence"].tolist() == [-1, 7, 8]
    assert np.isnan(rows["bid"][1]), "a trade has no bid"
    assert np.isnan(rows["size"][2]), "a quote has no size"


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("start", ["", "\ufeff"])
def test_line_ends_and_byte_order_marks(ending: str, start: str) -> None:
    text = start + ending.join(["Time,Price,Volume", "2012-06-21 09:30:00,1,2", "", "2012-06-21 09:30:01,3,4"])
    rows, rejects = ticks(text.encode())
    assert rows["price"].tolist() == [1.0, 3.0]
    assert rows["offset"].tolist() == [2, 4]
    assert not rejects


def test_a_quote_that_is_never_closed_costs_its_line_alone() -> None:
    for bad in (b'2012-06-21,"1,2\n', b'"\n'):
        for after in (3, MAX_CELL_CHARACTERS // 8):
            good = [b"2012-06-21,%d,2\n" % price for price in range(2 + after)]
            rows, rejects = ticks(b"".join([b"time,price,size\n", *good[:2], bad, *good[2:]]))
            assert rows["price"].tolist() == list(range(2 + after))
            assert [(reject.line, reject.reason, reject.text) for reject in rejects] == [(4, Reason.MALFORMED, bad.rstrip())]
            assert rows["offset"].tolist() == [2, 3, *range(5, 5 + after)]


def test_bytes_that_are_not_utf8_spoil_their_cell_alone() -> None:
    rows, rejects = ticks(b"time,price,name\n2012-06-21,1,caf\xe9\n2012-06-21,\xe9,a\n2012-06-21,2,b\n")
    assert rows["price"].tolist() == [1.0, 2.0]
    assert [(reject.line, reject.reason, reject.text) for reject in rejects] == [(3, Reason.MALFORMED, b"2012-06-21,\xe9,a")]


def test_thousands_of_columns_that_nobody_wants() -> None:
    names = ",".join(f"c{number}" for number in range(5000))
    data = f"{names},time,price\n" + f"{',' * 4999},2012-06-21,7\n" * 3
    rows, rejects = ticks(data.encode())
    assert rows["price"].tolist() == [7.0] * 3
    assert not rejects


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiters_are_recognised(delimiter: str) -> None:
    text = "time,price,size\n2012-06-21,1,2\n".replace(",", delimiter)
    assert ticks(text.encode())[0]["size"].tolist() == [2.0]
    assert ticks(text.encode(), TableOptions.parse(symbol="X", delimiter=delimiter))[0]["size"].tolist() == [2.0]


def test_quotes_without_a_header_in_a_zone_of_its_own() -> None:
    data = b"20200101 170000065,1.121200,1.121720,0\n20200101 230052125,1.121300,1.121320,0\n"
    options = TableOptions.parse(columns="timestamp=1,bid=2,ask=3,bid_size=4", header=False, symbol="EURUSD", time_zone="EST")
    rows, rejects = ticks(data, options)
    assert [format_time(time) for time in rows["time"].tolist()] == ["2020-01-01T22:00:00.065000000Z", "2020-01-02T04:00:52.125000000Z"]
    assert rows["kind"].tolist() == [QUOTE, QUOTE]
    assert rows["bid"].tolist() == [1.1212, 1.1213]
    assert rows["ask"].tolist() == [1.12172, 1.12132]
    assert rows["offset"].tolist() == [1, 2]
    assert {SYMBOLS.names[code] for code in rows["symbol"].tolist()} == {"EURUSD"}
    assert not rejects


def test_gzip_is_the_same_and_a_torn_one_says_so(tmp_path: Path) -> None:
    data = b"time,price,size\n" + b"".join(b"2012-06-21 09:30:00.%09d,%d,1\n" % (at, at + 1) for at in range(5000))
    packed = tmp_path / "a.csv"  # the name does not say that it is packed
    packed.write_bytes(gzip.compress(data))
    blocks = list(read_ticks(packed, PLAIN, chunk_bytes=1000))
    assert len(blocks) > 10
    assert repr(np.concatenate([block.rows for block in blocks]).tolist()) == repr(ticks(data)[0].tolist())
    packed.write_bytes(gzip.compress(data)[:-20])
    with pytest.raises(InputFileError, match=r"a\.csv: cannot be read"):
        list(read_ticks(packed, PLAIN))


@given(st.binary(max_size=200), st.integers(1, 50))
def test_pieces_are_whole_lines_and_make_the_file(data: bytes, chunk_bytes: int) -> None:
    data = b"x" + data
    pieces = list(chunks(io.BytesIO(data), chunk_bytes))
    assert b"".join(pieces) == data
    assert all(piece.endswith(b"\n") for piece in pieces[:-1])


@pytest.mark.parametrize(
    ("data", "options", "says"),
    [
        (b"", PLAIN, "empty file"),
        (b"when,what\n1,2\n", PLAIN, "expected a column for timestamp, found none; its columns are 'when', 'what'"),
        (b"time,price\n", TableOptions(), "expected a column for symbol"),
        (b"time,price\n", TableOptions(columns={"price": "Px"}, symbol="X"), "expected column 'Px' for price, found 'time', 'price'"),
        (b"time,price,price\n", TableOptions(columns={"price": "price"}, symbol="X"), "found 2"),
        (b"time,price\n", TableOptions(columns={"colour": "price"}, symbol="X"), "no field 'colour'"),
        (b"1,2\n", TableOptions(columns={"timestamp": "1", "price": "3"}, header=False, symbol="X"), "a position from 1 to 2"),
        (b"time,price\nnoon,1\n", PLAIN, "expected times in column 'time', found 'noon'"),
        (b"\xff\xfet\x00", PLAIN, "UTF-16"),
        (b"time,price\n", TableOptions(symbol="x" * 300), "--symbol"),
        (b"time,price,symbol\n", TableOptions(columns={"symbol": "symbol"}, symbol="X"), "found both"),
    ],
)
def test_a_file_that_cannot_be_read_says_what_to_do(data: bytes, options: TableOptions, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        list(read_ticks(io.BytesIO(data), options))


@pytest.mark.parametrize("text", ["price", "price=", "=Price", "price=a,price=b"])
def test_columns_that_cannot_be_read(text: str) -> None:
    with pytest.raises(UsageError, match="--columns"):
        TableOptions.parse(columns=text)


@pytest.mark.parametrize("text", ["0", "-1", "nan", "ten", "inf"])
def test_scales_that_cannot_be_read(text: str) -> None:
    with pytest.raises(UsageError, match="--price-scale"):
        TableOptions.parse(price_scale=text)


def test_names_are_recognised_without_case_and_marks() -> None:
    header = [" DateTime", "TICKER", "Last", "Qty", "Bid", "Ask", "Bid_Size", "ask size", "Side", "SEQ", "other"]
    columns = resolve("market.ticks", header, TableOptions(), source="a")
    assert list(columns.places.values()) == list(range(10))
    only = resolve("market.ticks", header, TableOptions(columns={"price": "Last"}), source="a")
    assert only.places == {"price": 2, "timestamp": 0, "symbol": 1}, "what is named, and what every tick needs"
    when = resolve("market.bars", ["Day", "open", "close", "volume"], TableOptions(columns={"end": "Day"}, symbol="X"), source="a")
    assert when.places == {"end": 0, "open": 1, "close": 2, "volume": 3}, "only when was said, so values are recognised"


def test_bars_become_payloads() -> None:
    names = b"Date,Ticker,Interval,Open,High,Low,Close,Volume,TradeCount\n"
    data = names + b"2020-01-02,A,1d,10,20,5,15,100,3\n,A,1d,1,1,1,1,1,1\n2020-01-03,A,,x,,,2,,\n"
    (block,) = read_payloads(io.BytesIO(data), "market.bars", TableOptions.parse(price_scale="0.1"))
    assert block.payloads == [
        b'{"symbol":"A","interval":"1d","start":"2020-01-02T00:00:00.000000000Z","open":1.0,"high":2.0,"low":0.5,"close":1.5,"volume":100.0,"tradeCount":3}'
    ]
    assert block.lines.tolist() == [2]
    assert [(reject.line, reject.reason) for reject in block.rejects] == [(3, Reason.MISSING_FIELD), (4, Reason.NUMBER)]


def test_other_topics_keep_numbers_as_they_are_written() -> None:
    data = b"account,limitId,threshold,enabled,note\n007,12,1.50,true,\n"
    (block,) = read_payloads(io.BytesIO(data), "control.limits", TableOptions())
    assert block.payloads == [b'{"account":"007","limitId":"12","threshold":1.50,"enabled":true}']


@pytest.mark.parametrize("ending", ["", '"A","1","1"\n'])
def test_a_row_with_a_cell_too_many_is_refused_and_not_read_askew(ending: str) -> None:
    # A thousands separator: read askew it would be a price of 1.
    text = f"symbol,timestamp,price,size\nA,1340285400,1,234.5,7\nA,1340285400,2\nA,1340285400,3,4,,\n{ending}"
    blocks = list(read_ticks(io.BytesIO(text.encode()), TableOptions()))
    assert next(line.line for block in blocks for line in block.rejects) == 2
    assert "at most 4 cells, found 5" in blocks[0].rejects[0].detail
    assert [price for block in blocks for price in block.rows["price"].tolist()][:2] == [2, 3]
