"""Orders and fills of files on the bus: by symbol, the same events each time, bad lines as dead letters, and no ticks."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from schemas.bus import Bus, TopicSettings
from schemas.partitioning import partition_of
from schemas.topics import TOPICS
from trademaster.bus import open_bus
from trademaster.cli import execute

PARTITIONS = 4
FILLS = b"ID,Side,Qty,Price,Symbol\nE1,BOT,100,223.95,AMZN\nE2,S,40,0.10,XYZ\nE3,hold,1,1,AMZN\nE4,SLD,-60,224.10,AMZN\n"


def fix(*fields: str) -> bytes:
    body = "".join(f"{field}\x01" for field in fields).encode()
    whole = f"8=FIX.4.4\x019={len(body)}\x01".encode() + body
    return whole + f"10={sum(whole) % 256:03d}\x01".encode()


FIX = b"\n".join(
    [
        b"2026-01-02 session created",
        b"2026-01-02 OUT " + fix("35=D", "11=C1", "55=AMZN", "38=100"),
        b"2026-01-02 IN " + fix("35=8", "11=C1", "17=X0", "150=0", "38=100", "55=AMZN", "54=1"),
        b"2026-01-02 IN " + fix("35=8", "11=C1", "17=X1", "150=F", "31=223.95", "32=100", "55=AMZN", "54=1"),
        b"2026-01-02 IN " + fix("35=8", "11=C1", "17=X2", "150=F", "31=223.95", "55=AMZN", "54=1"),
    ]
)
ORDER = {"id": "a", "client_order_id": "C1", "symbol": "AMZN", "side": "buy", "qty": "5"}
ALPACA = b"\n".join(
    json.dumps({"stream": "trade_updates", "data": {"event": event, "order": ORDER, **fields}}).encode()
    for event, fields in (
        ("pending_new", {"execution_id": None}),
        ("fill", {"execution_id": "P1", "price": "223.95", "qty": "5", "timestamp": "2026-01-02T15:04:05Z"}),
        ("fill", {"execution_id": "P2", "price": "223.95", "qty": "none"}),
    )
)
CASES = [
    ("fills", "fills.csv", FILLS, 3, 4),
    ("fix", "messages.log", FIX, 2, 5),
    ("alpaca", "updates.jsonl", ALPACA, 2, 3),
]


@pytest.fixture
def url(tmp_path: Path) -> str:
    url = f"embedded:{tmp_path / 'bus'}"
    bus = open_bus(url)
    bus.create([TopicSettings(row.name, 1 if row.single else PARTITIONS, row.compacted) for row in TOPICS.values()])
    bus.close()
    return url


def read(url: str, topic: str) -> list[tuple[int, bytes | None, dict[str, Any]]]:
    bus: Bus = open_bus(url)
    reader = bus.reader(topic, with_keys=True)
    found: list[tuple[int, bytes | None, dict[str, Any]]] = []
    while batch := reader.poll(10_000, 0.0):
        assert batch.keys is not None
        found += zip(batch.partition.tolist(), batch.keys, map(json.loads, batch.values()), strict=True)
    reader.close()
    bus.close()
    return found


@pytest.mark.parametrize(("command", "name", "data", "good", "bad_line"), CASES)
def test_reports_are_placed_by_symbol_and_the_same_each_time(
    tmp_path: Path, url: str, command: str, name: str, data: bytes, good: int, bad_line: int
) -> None:
    (tmp_path / name).write_bytes(data)
    for _ in range(2):
        assert execute(["ingest", command, str(tmp_path / name), "--account", "A1", "--bus", url, "--quiet"]) == 0
    records = read(url, "orders.events")
    assert len(records) == 2 * good
    assert len({record["header"]["eventId"] for _, _, record in records}) == good
    for partition, key, record in records:
        payload = record["payload"]
        assert partition == partition_of(payload["symbol"].encode(), PARTITIONS)
        assert key == (payload["orderId"] or payload["executionId"]).encode()
        assert (record["header"]["eventType"], payload["account"]) == ("EXECUTION_REPORT", "A1")
    letters = read(url, "dead.letters")
    assert {(letter["payload"]["topic"], letter["payload"]["offset"]) for _, _, letter in letters} == {(f"file:{name}", bad_line)}
    assert {base64.b64decode(letter["payload"]["payload"]) for _, _, letter in letters} == {data.splitlines()[bad_line - 1]}
    assert not read(url, "market.ticks")


@pytest.mark.parametrize("command", ["fix", "alpaca"])
def test_a_file_without_a_report_is_the_wrong_file(tmp_path: Path, url: str, command: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "other"
    path.write_bytes(b"" if command == "alpaca" else b"a log\nof something else\n")
    assert execute(["ingest", command, str(path), "--bus", url]) == 2
    assert "expected" in capsys.readouterr().err


def test_a_file_with_nothing_but_bad_lines_says_where_to_look(tmp_path: Path, url: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "fills.csv"
    path.write_bytes(b"id,qty,price,symbol\n1,x,2,AMZN\n")
    assert execute(["ingest", "fills", str(path), "--account", "A", "--bus", url]) == 2
    assert "tail dead.letters" in capsys.readouterr().err
