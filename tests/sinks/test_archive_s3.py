"""The archive in an S3 store, through a real server's HTTP: written, joined, read and asked as on a disk."""

from __future__ import annotations

import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from moto.server import ThreadedMotoServer

from schemas.archive.folder import ObjectFolder, open_folder
from schemas.errors import StoreError, StoreInterrupted
from schemas.store import Opening
from sinks.parquet import ArchiveSettings, ParquetStore
from tests.sinks.test_parquet_store import COUNT, TOPIC, WHOLE, batches, held, opening, wanted
from trademaster.history import History
from trademaster.history import held as lines_of


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(endpoint: str, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> str:
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    for name, value in {"ACCESS_KEY_ID": "test", "SECRET_ACCESS_KEY": "test", "REGION": "us-east-1"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    name = request.node.name.replace("_", "-")[:40].rstrip("-")
    with urllib.request.urlopen(urllib.request.Request(f"{endpoint}/{name}", method="PUT")):
        return f"s3://{name}/some/prefix"


def test_written_read_again_and_joined(bucket: str) -> None:
    for sizes in ([13], [90, 7]):
        store = ParquetStore(ArchiveSettings(bucket, quiet_s=0.0), opening())
        for batch in batches(0, sizes):
            store.write(batch)
        store.flush()
    assert isinstance(open_folder(bucket), ObjectFolder)
    assert held(bucket) == wanted()
    assert all(len(files) == 1 for files in by_hour(bucket))


def by_hour(url: str) -> list[list[object]]:
    found: dict[tuple[int, int], list[object]] = {}
    for file in open_folder(url).files():
        found.setdefault((file.hour, file.partition), []).append(file)
    return list(found.values())


def test_asked_in_sql(bucket: str) -> None:
    store = ParquetStore(ArchiveSettings(bucket), opening())
    store.write(WHOLE)
    store.flush()
    answer = History(bucket).query("SELECT count(DISTINCT bus_offset) FROM market_ticks")
    assert [list(row) for row in answer.rows] == [[COUNT]]
    assert [line.split()[0] for line in lines_of(bucket)] == [TOPIC.replace(".", "_")]


def test_another_log_is_refused_and_a_missing_bucket_is_waited_for(bucket: str) -> None:
    ParquetStore(ArchiveSettings(bucket), opening())
    with pytest.raises(StoreError, match="other events"):
        ParquetStore(ArchiveSettings(bucket), opening("another"))
    stopping = threading.Event()
    stopping.set()
    with pytest.raises(StoreInterrupted, match="out of reach"):
        ParquetStore(ArchiveSettings("s3://no-such-bucket/x"), Opening("log", 0, stopping))


def test_what_is_gone_can_be_taken_away_again(bucket: str) -> None:
    folder = open_folder(bucket)
    folder.remove("topic=market.ticks/nothing.parquet")
    assert folder.read("nothing") is None
    assert folder.files() == []
    with pytest.raises(FileNotFoundError):
        folder.opened("nothing")
    assert not Path(bucket).exists()
