"""Lists of fills: whatever the columns are called, a row is the fill it says, to the last digit, or a rejected line."""

from __future__ import annotations

import csv as csvlib
import io
import json
from collections.abc import Iterable
from contextlib import suppress
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import msgspec
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import InputFileError, RejectedRecord
from schemas.events import Envelope
from schemas.orders import ExecutionReport
from sources import csv
from sources.columns import REPORTS, TableOptions
from sources.fill_files import read_fills
from sources.fills import SIDES, Defaults, report_of

OPTIONS = TableOptions.parse(account="A1", venue="XNAS")

numbers = st.decimals(min_value="0.000000000001", max_value=10**15, places=12).map(lambda value: f"{value:f}")
words = st.sampled_from(sorted(SIDES)).flatmap(lambda word: st.sampled_from([word, word.upper(), f" {word} "]))
rows = st.fixed_dictionaries({"id": st.integers(1, 99).map(str), "side": words, "quantity": numbers, "price": numbers, "fee": numbers})


def of_csv(data: bytes, options: TableOptions = OPTIONS) -> tuple[list[Envelope[ExecutionReport]], list[tuple[int, str]]]:
    blocks = list(csv.read_payloads(io.BytesIO(data), REPORTS, options))
    events = [msgspec.json.decode(payload, type=Envelope[ExecutionReport]) for block in blocks for payload in block.payloads]
    return events, [(bad.line, bad.reason.value) for block in blocks for bad in block.rejects]


def of_lines(data: bytes, path: Path, options: TableOptions = OPTIONS) -> tuple[list[Envelope[ExecutionReport]], list[tuple[int, str]]]:
    path.write_bytes(data)
    blocks = list(read_fills(path, options))
    events = [msgspec.json.decode(value, type=Envelope[ExecutionReport]) for block in blocks for value in block.values]
    return events, [(bad.line, bad.reason.value) for block in blocks for bad in block.rejects]


def table(found: Iterable[dict[str, str]], delimiter: str = ",") -> bytes:
    out = io.StringIO()
    found = [{"time": "2026-01-02T15:04:05Z", "symbol": "X", **row} for row in found]
    writer = csvlib.DictWriter(out, found[0], delimiter=delimiter)
    writer.writeheader()
    writer.writerows(found)
    return out.getvalue().encode()


@given(st.lists(rows, min_size=1, max_size=8))
def test_csv_and_json_lines_say_the_same_to_the_last_digit(tmp_path_factory: pytest.TempPathFactory, found: list[dict[str, str]]) -> None:
    events, bad = of_csv(table(found))
    assert not bad
    assert [(event.payload.execution_id, event.payload.quantity, event.payload.price, event.payload.fee) for event in events] == [
        (row["id"], Decimal(row["quantity"]), Decimal(row["price"]), Decimal(row["fee"])) for row in found
    ]
    assert [event.payload.side for event in events] == [SIDES[row["side"].strip().casefold()] for row in found]
    lines = b"\n".join(json.dumps({"time": "2026-01-02T15:04:05Z", "symbol": "X", **row}).encode() for row in found)
    path = tmp_path_factory.mktemp("fills") / "fills.jsonl"
    assert of_lines(lines, path) == (events, [])
    bare = lines  # the same numbers without quotes
    for row in found:
        for name in ("quantity", "price", "fee"):
            bare = bare.replace(f'"{row[name]}"'.encode(), row[name].encode())
    assert of_lines(bare, path) == (events, [])


@given(st.lists(rows, min_size=1, max_size=8))
def test_the_id_of_a_fill_is_its_content_wherever_it_stands(found: list[dict[str, str]]) -> None:
    events, _ = of_csv(table(found))
    by_id: dict[str, ExecutionReport] = {}
    for event in events:
        assert by_id.setdefault(event.header.event_id, event.payload) == event.payload, "one id, one content"
    assert len(by_id) == len({msgspec.json.encode(event.payload) for event in events})
    again, _ = of_csv(table(found[::-1], ";"))
    assert [event.header.event_id for event in again] == [event.header.event_id for event in events][::-1]


@given(st.decimals(min_value=-(10**9), max_value=10**9, places=6))
def test_without_a_side_the_sign_says_which_way(quantity: Decimal) -> None:
    report = report_of({"quantity": f"{quantity:f}"})
    assert (report.side, report.quantity) == ("sell" if quantity < 0 else "buy", abs(quantity))
    with_side = report_of({"quantity": f"{quantity:f}", "side": "SLD"})
    assert (with_side.side, with_side.quantity) == ("sell", abs(quantity))
    assert report_of({"quantity": f"{quantity:f}", "side": None}).side is None, "a list that has sides says none for this fill"
    assert report_of({"quantity": f"{quantity:f}", "side": "buy"}).quantity == quantity


@given(numbers, st.sampled_from(["0.0001", "0.03125", "100"]))
def test_a_scale_of_prices_is_exact(price: str, scale: str) -> None:
    report = report_of({"price": price}, Defaults(price_scale=Decimal(scale)))
    assert report.price is not None
    assert report.price.as_integer_ratio() == (Fraction(price) * Fraction(scale)).as_integer_ratio()


BAD = [
    ("E2,BOT,-40,224.10", "execution"),
    (",SLD,40,224.10", "missing_field"),
    ("E4,,40,224.10", "missing_field"),
    ("E5,hold,40,224.10", "malformed"),
    ("E6,sell,0,224.10", "execution"),
    ("E7,sell,40,nan", "number"),
    ('E8,sell,"1,000",224.10', "number"),
    ("E9,sell,40,", "missing_field"),
]


@pytest.mark.parametrize(("row", "reason"), BAD)
def test_bad_rows_are_rejected_with_their_line(row: str, reason: str) -> None:
    data = f"ID,B/S,Qty,Price,Ticker\nE1,BOT,1,2,X\n{row},X\n\nE3,S,1,2,X\n".encode()
    events, bad = of_csv(data)
    assert [event.payload.execution_id for event in events] == ["E1", "E3"]
    assert bad == [(3, reason)]


def test_columns_can_be_named_and_the_others_are_still_recognised() -> None:
    options = TableOptions.parse(columns="executionId=Ref,price=Px", symbol="AMZN", account="A1", time_format="%d/%m/%Y %H:%M")
    ((event,), bad) = of_csv(b"Ref,Px,Qty,Action,Time,ID\nE1,1.50,-3,x,02/01/2026 15:04,zzz\n", options)
    assert not bad
    assert event.payload == ExecutionReport(
        exec_type=event.payload.exec_type, account="A1", symbol="AMZN", execution_id="E1", side="sell", quantity=Decimal(3),
        price=Decimal("1.50"), timestamp="2026-01-02T15:04:00.000000000Z",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("header", "missing"), [("id,qty,symbol", "price"), ("qty,price,symbol", "executionId"), ("id,qty,price", "symbol")]
)
def test_a_table_that_cannot_be_fills_is_refused_at_once(header: str, missing: str) -> None:
    with pytest.raises(InputFileError, match=missing):
        of_csv(f"{header}\n1,2,3\n".encode())


def test_a_table_without_accounts_asks_for_one() -> None:
    with pytest.raises(InputFileError, match="account") as error:
        of_csv(b"id,qty,price,symbol\n1,2,3,X\n", TableOptions())
    assert "--account" in error.value.hint


def test_rows_of_other_types_need_what_their_type_needs() -> None:
    data = (
        b"execType,account,executionId,amount,currency,symbol,quantity,price,side,referenceExecutionId\n"
        b"cash,A,C1,-12.50,USD,,,,,\nbust,A,B1,,,X,,,,E1\ntransfer,A,T1,,,X,5,2,buy,\nfrobnicate,A,T2,,,X,5,2,buy,\n"
    )
    events, bad = of_csv(data, TableOptions())
    assert [event.payload.exec_type.value for event in events] == ["cash", "bust", "transfer"]
    assert bad == [(5, "unknown_type")]


def test_lines_of_json_may_be_envelopes_other_topics_or_broken(tmp_path: Path) -> None:
    ((envelope,), _) = of_csv(b"id,qty,price,symbol\n1,2,3,X\n")
    lines = [
        msgspec.json.encode(envelope),
        b'{"topic":"market.ticks","value":{"type":"heartbeat","timestamp":5}}',
        b'{"topic":"orders.events","value":{"exec_id":"E","qty":1,"price":2,"ticker":"X","time":null,"legs":[{}]}}',
        b"[1]",
        b"{",
        b'{"exec_id":"E","qty":{"of":1},"price":2,"ticker":"X"}',
    ]
    path = tmp_path / "fills.jsonl"
    path.write_bytes(b"\n".join(lines) + b"\n")
    (block,) = read_fills(path, OPTIONS)
    assert (block.lines, block.topics) == ([1, 2, 3], [REPORTS, "market.ticks", REPORTS])
    assert block.values[0] == lines[0]
    assert msgspec.json.decode(block.values[2], type=Envelope[ExecutionReport]).payload.execution_id == "E"
    assert sorted((bad.line, bad.reason.value) for bad in block.rejects) == [(4, "malformed"), (5, "malformed"), (6, "number")]


def test_parquet_keeps_its_decimals(tmp_path: Path) -> None:
    path = tmp_path / "fills.parquet"
    prices = pl.Series("price", [Decimal("0.100000000000000006")], dtype=pl.Decimal(38, 18))
    times = pl.Series("time", [1_767_366_245_123_456_789]).cast(pl.Datetime("ns"))
    pl.DataFrame([pl.Series("id", [7]), pl.Series("symbol", ["X"]), pl.Series("qty", [-3]), prices, times]).write_parquet(path)
    (block,) = read_fills(path, OPTIONS)
    found = msgspec.json.decode(block.values[0], type=Envelope[ExecutionReport]).payload
    assert (found.price, found.side, found.execution_id) == (Decimal("0.100000000000000006"), "sell", "7")
    assert found.timestamp == "2026-01-02T15:04:05.123456789Z"


@given(st.dictionaries(st.sampled_from(["execType", "side", "quantity", "price", "fee", "orderType", "timeInForce", "amount"]), st.text()))
def test_any_cells_are_a_report_or_are_rejected(cells: dict[str, str]) -> None:
    with suppress(RejectedRecord):
        assert isinstance(report_of(cells), ExecutionReport)
