"""FIX logs: every message of a log becomes the report it is, however its fields are delimited, and no broken one becomes any."""

from __future__ import annotations

import io
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.dead_letters import Reason
from schemas.errors import RejectedRecord
from schemas.order_checks import check_execution
from schemas.orders import ExecType, ExecutionReport
from sources.fix import KINDS, PASSED_OVER, FixLog, messages
from sources.jsonl import LineBlock
from sources.reports import read_reports

DELIMITERS = (b"\x01", b"|", b"^A")


def message(*fields: str, version: str = "FIX.4.4", delimiter: bytes = b"\x01", before: bytes = b"") -> bytes:
    """A message of these fields (``tag=value``), with its length and checksum."""
    body = "".join(f"{field}\x01" for field in fields).encode()
    whole = f"8={version}\x019={len(body)}\x01".encode() + body
    whole += f"10={sum(whole) % 256:03d}\x01".encode()
    return before + whole.replace(b"\x01", delimiter)


def execution(exec_id: str, kind: str, *fields: str, order: str = "C1", **options: Any) -> bytes:
    head = ("35=8", "49=BROKER", "56=US", "52=20260102-15:04:05.500", f"11={order}", "37=V1", f"17={exec_id}", f"150={kind}")
    return message(*head, "55=AMZN", "54=1", "60=20260102-15:04:05.123456789", *fields, **options)


def reports(*lines: bytes, account: str | None = "A1", **options: Any) -> list[ExecutionReport]:
    log, found = FixLog(account, **options), []
    for line in lines:
        for report in log.translate(line):
            assert isinstance(report, ExecutionReport), str(report)
            check_execution(report)
            found.append(report)
    return found


def test_a_fill_says_all_that_its_tags_say() -> None:
    tags = (
        "1=ACC",
        "6=223.95",
        "14=100",
        "20=0",
        "31=223.9500",
        "32=100",
        "38=300",
        "39=1",
        "151=200",
        "12=1.25",
        "13=3",
        "479=USD",
        "30=XNAS",
    )
    (found,) = reports(execution("E1", "F", *tags))
    assert found == ExecutionReport(
        exec_type=ExecType.FILL,
        account="ACC",
        symbol="AMZN",
        venue="XNAS",
        order_id="C1",
        execution_id="E1",
        side="buy",
        quantity=Decimal(100),
        price=Decimal("223.9500"),
        cumulative_quantity=Decimal(100),
        fee=Decimal("1.25"),
        fee_currency="USD",
        timestamp="2026-01-02T15:04:05.123456789Z",
    )


@given(
    st.sampled_from(DELIMITERS),
    st.sampled_from([b"", b"2026-01-02 15:04:05.123 IN  ", b"<20260102-15:04:05, FIX.4.4:US->BROKER, incoming> (", b"[INFO] session=8 "]),
    st.decimals(min_value="0.0000001", max_value=10**12, places=7),
    st.decimals(min_value=-(10**6), max_value=10**6, places=9),
    st.sampled_from(["1", "2", "3", "4", "5", "6"]),
)
def test_how_a_log_is_written_changes_nothing_and_numbers_are_exact(
    delimiter: bytes, before: bytes, quantity: Decimal, price: Decimal, side: str
) -> None:
    tags = (f"31={price:f}", f"32={quantity:f}", f"54={side}")
    plain = message("35=8", "11=C", "17=E", "150=F", "55=X", *tags)
    assert reports(message("35=8", "11=C", "17=E", "150=F", "55=X", *tags, delimiter=delimiter, before=before)) == reports(plain)
    (found,) = reports(plain)
    assert (found.price, found.quantity, found.side) == (price, quantity, "buy" if side in "13" else "sell")


@given(st.data())
def test_a_message_with_a_changed_byte_is_no_report(data: st.DataObject) -> None:
    good = execution("E1", "F", "31=1.5", "32=10")
    at = data.draw(st.integers(good.index(b"35="), len(good) - 2))
    other = data.draw(st.integers(0, 255).filter(lambda byte: byte not in (good[at], 10)))
    broken = good[:at] + bytes([other]) + good[at + 1 :]
    found = FixLog("A").translate(broken)
    assert len(found) == 1
    assert isinstance(found[0], RejectedRecord)
    assert found[0].reason == Reason.MALFORMED


@given(st.integers(0, 200))
def test_a_message_that_is_cut_off_is_no_report(end: int) -> None:
    whole = execution("E1", "F", "31=1.5", "32=10")
    found = FixLog("A").translate(whole[: min(end, whole.rindex(b"10=") + 5)])
    assert all(isinstance(report, RejectedRecord) for report in found)


@given(st.binary(max_size=200), st.booleans())
def test_any_bytes_are_a_report_a_reject_or_nothing(noise: bytes, checksum: bool) -> None:
    log = FixLog(checksum=checksum)
    for found in log.translate(b"8=FIX.4.4|" + noise) + log.translate(b"8=FIX.4.4\x0135=8\x01" + noise):
        assert isinstance(found, ExecutionReport | RejectedRecord)


OF_KIND = [
    ("0", "new"), ("3", "done_for_day"), ("4", "canceled"), ("5", "replaced"), ("6", "pending_cancel"), ("8", "rejected"),
    ("9", "suspended"), ("A", "pending_new"), ("C", "expired"), ("D", "replaced"), ("E", "pending_replace"), ("F", "fill"),
    ("1", "fill"), ("2", "fill"), ("G", "correct"), ("H", "bust"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "expected"), OF_KIND)
def test_each_exec_type(kind: str, expected: str) -> None:
    (found,) = reports(execution("E2", kind, "31=2", "32=5", "38=50", "44=2.5", "99=2.4", "40=4", "59=1", "19=E1", "14=5", "58=why"))
    assert found.exec_type == expected
    assert (found.reason, found.cumulative_quantity) == ("why", Decimal(5))
    if expected in ("fill", "correct"):
        assert (found.quantity, found.price) == (Decimal(5), Decimal(2))
    elif expected in ("new", "replaced", "pending_new"):
        terms = (found.quantity, found.price, found.stop_price, found.order_type, found.time_in_force)
        assert terms == (Decimal(50), Decimal("2.5"), Decimal("2.4"), "stop_limit", "gtc")
    else:
        assert (found.quantity, found.price, found.order_type) == (None, None, None)
    assert found.reference_execution_id == ("E1" if expected in ("bust", "correct") else None)


def test_every_exec_type_of_the_table_is_tested() -> None:
    assert {kind for kind, _ in OF_KIND} == set(KINDS)
    assert not reports(*(execution("E", kind) for kind in PASSED_OVER))


@pytest.mark.parametrize(("transaction", "expected"), [("0", "fill"), ("1", "bust"), ("2", "correct"), ("3", None)])
def test_of_fix_4_2_the_transaction_says_what_it_is(transaction: str, expected: str | None) -> None:
    found = reports(execution("E2", "1", f"20={transaction}", "19=E1", "31=2", "32=5", version="FIX.4.2"))
    assert [report.exec_type for report in found] == ([expected] if expected else [])


def test_an_order_keeps_its_first_id_through_replaces_cancels_and_rejects() -> None:
    found = reports(
        execution("E1", "0", "38=100", "44=10"),
        execution("E2", "E", "41=C1", order="C2"),
        execution("E3", "5", "41=C1", "38=80", "44=11", order="C2"),
        execution("E4", "F", "31=11", "32=30", order="C2"),
        message("35=G", "11=C3", "41=C2", "55=AMZN"),
        message("35=9", "11=C3", "41=C2", "37=V1", "434=2", "102=0", "52=20260102-15:05:00"),
        message("35=9", "11=C4", "41=C2", "37=V1", "434=1", "58=too late", "52=20260102-15:05:01"),
        execution("E5", "4", "41=C2", order="C5"),
    )
    assert {report.order_id for report in found} == {"C1"}
    assert {(report.account, report.symbol) for report in found} == {("A1", "AMZN")}, "a cancel reject has no symbol of its own"
    assert [report.exec_type.value for report in found] == [
        "new", "pending_replace", "replaced", "fill", "replace_rejected", "cancel_rejected", "canceled",
    ]  # fmt: skip
    assert [report.reason for report in found[-3:-1]] == ["reason code 0", "too late"]


def test_corrections_and_busts_name_the_first_fill_at_its_venue() -> None:
    found = reports(
        execution("E1", "F", "31=10", "32=5", "30=XNAS"),
        execution("E2", "G", "31=9", "32=5", "19=E1"),
        execution("E3", "G", "31=8", "32=5", "19=E2", "30=XOTHER"),
        execution("E4", "H", "19=E3"),
    )
    assert [(report.reference_execution_id, report.venue) for report in found[1:]] == [("E1", "XNAS")] * 3


@pytest.mark.parametrize(("kind", "fee"), [(None, "0.05"), ("3", "0.05"), ("1", "5"), ("2", "50.5")])
def test_commission_by_its_type(kind: str | None, fee: str) -> None:
    tags = ("12=0.05", *([] if kind is None else [f"13={kind}"]))
    (found,) = reports(execution("E", "F", "31=10.1", "32=100", *tags))
    assert found.fee == Decimal(fee)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        (("150=F", "17=E", "31=1", "32=x"), "number"),
        (("150=Z", "17=E"), "unknown_type"),
        (("17=E",), "missing_field"),
        (("150=F", "17=E", "31=1", "32=1", "60=20261301-00:00:00"), "time"),
        (("150=F", "17=E", "31=1", "32=1", "60=noon"), "time"),
        (("150=F", "31=1", "32=1", "54=1"), "missing_field"),
        (("150=F", "17=E", "31=1", "54=1"), "missing_field"),
        (("150=F", "17=E", "31=1", "32=0", "54=1"), "execution"),
        (("150=F", "17=E", "31=1", "32=1", "12=1", "13=6", "54=1"), "execution"),
    ],
)
def test_what_cannot_have_happened_is_rejected_with_its_line(fields: tuple[str, ...], reason: str) -> None:
    lines = [b"started", message("35=0"), message("35=8", "11=C", "55=X", "1=A", *fields), execution("G", "F", "31=1", "32=1", "1=A")]
    (block,) = read_reports(io.BytesIO(b"\n".join(lines) + b"\n"), FixLog().translate)
    assert [(bad.line, bad.reason.value, bad.text) for bad in block.rejects] == [(3, reason, lines[2])]
    assert block.lines == [4]


def test_two_messages_in_a_line_and_a_wrong_checksum() -> None:
    good = execution("E1", "F", "31=1", "32=1")
    assert len(reports(good + execution("E2", "F", "31=1", "32=1"))) == 2
    bad = good.replace(b"31=1\x01", b"31=2\x01")
    (found,) = messages(bad)
    assert isinstance(found, RejectedRecord)
    assert "expected checksum" in str(found)
    assert reports(bad, checksum=False)[0].price == 2


def test_a_leap_second_is_a_time() -> None:
    (found,) = reports(message("35=8", "11=C", "17=E", "150=4", "60=20161231-23:59:60.5"))
    assert found.timestamp == "2017-01-01T00:00:00.500000000Z"


def ids(blocks: list[LineBlock]) -> list[str]:
    return [msgspec.json.decode(value)["header"]["eventId"] for block in blocks for value in block.values]


@given(st.lists(st.integers(1, 5), min_size=1, max_size=12), st.integers(1, 300))
def test_a_log_read_twice_or_in_other_pieces_makes_the_same_events(numbers: list[int], chunk_bytes: int) -> None:
    log = b"\n".join(execution(f"E{number}", "F", "31=1", f"32={number}") for number in numbers)
    whole = ids(list(read_reports(io.BytesIO(log), FixLog("A").translate)))
    assert whole == ids(list(read_reports(io.BytesIO(log), FixLog("A").translate, chunk_bytes=chunk_bytes)))
    assert len(set(whole)) == len(set(numbers)), "what is said twice is one event"
