"""Parquet gives what CSV gives, whatever the types of its columns."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from schemas.dead_letters import Reason
from schemas.errors import InputFileError
from sources import csv, parquet
from sources.columns import TableOptions

OPTIONS = TableOptions.parse(price_scale="0.0001", symbol="AMZN", time_zone="America/New_York")

TABLE = pl.DataFrame(
    {
        "Time": [f"2012-06-21 09:30:{at // 1000:02d}.{at % 1000:03d}460001" for at in range(3000)],
        "Price": [2238200 + at for at in range(3000)],
        "Volume": [at % 7 for at in range(3000)],
        "unneeded": ["x"] * 3000,
    }
)
TYPED_TIME = pl.col("Time").str.to_datetime("%Y-%m-%d %H:%M:%S%.f", time_unit="ns")


@pytest.mark.parametrize(
    "columns",
    [
        [],
        [TYPED_TIME],
        [TYPED_TIME.dt.replace_time_zone("America/New_York")],
        [TYPED_TIME.dt.replace_time_zone("America/New_York").dt.epoch("ns").alias("Time")],
        [pl.col("Price").cast(pl.Float64), pl.col("Volume").cast(pl.Float32)],
        [pl.col("Price").cast(pl.Decimal(20, 2)), pl.col("Volume").cast(pl.Int8)],
        [pl.col("Price").cast(pl.String)],
    ],
)
@pytest.mark.parametrize("block_rows", [999, 100_000])
def test_parquet_and_csv_give_the_same_ticks(columns: list[pl.Expr], block_rows: int, tmp_path: Path) -> None:
    TABLE.with_columns(columns).write_parquet(tmp_path / "t.parquet", row_group_size=700)
    text = io.BytesIO(TABLE.write_csv().encode())
    wanted = np.concatenate([block.rows for block in csv.read_ticks(text, OPTIONS)])
    blocks = list(parquet.read_ticks(tmp_path / "t.parquet", OPTIONS, block_rows=block_rows))
    found = np.concatenate([block.rows for block in blocks])
    assert found["offset"].tolist() == list(range(1, 3001))
    found["offset"] += 1  # a row's number; in CSV the names are line 1
    assert repr(found.tolist()) == repr(wanted.tolist())
    assert all(len(block.rows) <= block_rows and not block.rejects for block in blocks)


def test_a_bad_row_is_rejected_as_json(tmp_path: Path) -> None:
    pl.DataFrame({"time": [1340285400, 1340285401, None], "price": [1.5, float("nan"), 2.5]}).write_parquet(tmp_path / "t.parquet")
    (block,) = parquet.read_ticks(tmp_path / "t.parquet", OPTIONS)
    assert block.rows["time"].tolist() == [1340285400 * 10**9]
    assert [(reject.line, reject.reason) for reject in block.rejects] == [(2, Reason.NUMBER), (3, Reason.TIME)]
    assert json.loads(block.rejects[1].text) == {"time": None, "price": 2.5}


def test_a_file_that_is_none_says_so(tmp_path: Path) -> None:
    (tmp_path / "t.parquet").write_bytes(b"time,price\n")
    for name in ("t.parquet", "absent.parquet"):
        with pytest.raises(InputFileError, match=name):
            list(parquet.read_ticks(tmp_path / name, OPTIONS))


def test_rows_become_payloads(tmp_path: Path) -> None:
    pl.DataFrame({"end": [1340285400, None], "close": [2.5, 3.5], "tradeCount": [3, 4]}).write_parquet(tmp_path / "t.parquet")
    (block,) = parquet.read_payloads(tmp_path / "t.parquet", "market.bars", TableOptions(symbol="A"))
    assert block.payloads == [b'{"symbol":"A","end":"2012-06-21T13:30:00.000000000Z","close":2.5,"tradeCount":3}']
    assert [reject.reason for reject in block.rejects] == [Reason.MISSING_FIELD]
