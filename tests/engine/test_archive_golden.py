"""The session of 2012-06-21 in the archive: its bars are the reference's, in Parquet, in SQL and in other programs' hands."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pytest

from sources.archive import open_archive
from tests.engine.running import command, finished, run_market, start_market, write_heartbeats, write_ticks
from tests.engine.stores_under_test import archived, on_the_bus
from tests.operators import amzn

DAY_NS = 86_400_000_000_000
TOPICS = ("market.ticks", "market.bars", "market.marks")
SQL = 'SELECT "end", open, high, low, close, volume FROM market_bars WHERE symbol = \'AMZN\' AND "date" = \'2012-06-21\' ORDER BY "end"'


@pytest.fixture(scope="module")
def session(own_bus: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """A bus with the session and its bars, and the folder in which its archive is."""
    newest = write_ticks(own_bus, [amzn.trades()])
    write_heartbeats(own_bus, newest + DAY_NS)
    folder = tmp_path_factory.mktemp("archive")
    run_market(own_bus, folder / "market", 1, "--set", "market.intervals=4s")
    options = ("--set", f"archive.url={folder / 'archive'}", "--set", "archive.roll_after=300ms", "--set", "engine.max_batch=1000")
    finished(start_market(own_bus, folder / "recovery", 2, *options, flows=("archive",)))
    return own_bus, folder


def test_what_is_archived_is_what_is_on_the_bus(session: tuple[str, Path]) -> None:
    bus, folder = session
    wanted = on_the_bus(bus, TOPICS)
    assert archived(folder, wanted) == wanted


def test_bars_from_parquet_are_the_reference(session: tuple[str, Path]) -> None:
    archive = open_archive(str(session[1] / "archive"))
    partitions = sorted({file.partition for file in archive.files(["market.bars"])})
    batches = [one.batch for part in partitions for one in archive.records("market.bars", part)]
    found = [json.loads(value)["payload"] for batch in batches for value in batch.values()]
    assert [tuple(bar[name] for name in ("open", "high", "low", "close", "volume")) for bar in found] == [bar[1:] for bar in amzn.bars()]


def test_bars_by_history_query_are_the_reference(session: tuple[str, Path]) -> None:
    line = command("history", "query", SQL, "--archive", str(session[1] / "archive"), "--format", "json")
    done = subprocess.run(line, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    rows = [json.loads(one) for one in done.stdout.splitlines()]
    assert [(time_ns(row["end"]), *(row[name] for name in ("open", "high", "low", "close", "volume"))) for row in rows] == amzn.bars()


def time_ns(text: str) -> int:
    return int(np.datetime64(text.removesuffix("Z"), "ns").astype(np.int64))


def test_other_programs_read_the_files_as_they_are(session: tuple[str, Path]) -> None:
    folder = session[1] / "archive"
    files = f"{folder}/topic=market.bars/**/*.parquet"
    expected = [bar[1:] for bar in amzn.bars()]
    in_duckdb = duckdb.sql(f"SELECT open, high, low, close, volume FROM read_parquet('{files}', hive_partitioning = true) ORDER BY \"end\"")
    assert in_duckdb is not None
    assert in_duckdb.fetchall() == expected
    names = ["open", "high", "low", "close", "volume"]
    in_polars = pl.read_parquet(files, hive_partitioning=True).sort("end").select(names)
    assert in_polars.rows() == expected
    in_pandas = pd.read_parquet(folder / "topic=market.bars").sort_values("end")
    assert rows_of(in_pandas[names]) == expected
    assert set(in_pandas["hour"].astype(int)) == {9, 10, 11, 12, 13, 14, 15, 16}
    assert in_pandas["time"].dtype == np.dtype("datetime64[ns]")


def rows_of(frame: pd.DataFrame) -> list[Sequence[Any]]:
    return [tuple(row) for row in frame.itertuples(index=False)]
