"""Bars between processes: what is pickled here means the same where other codes are given."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np

from schemas.market_reading import bars_by_shard, read_bar

READ = """
import pickle, sys
from schemas.intervals import interval_text, wire_interval
from schemas.symbols import SYMBOLS
for name in ("X", "Y", "Z"):
    SYMBOLS.code(name), wire_interval(name)
for rows in pickle.load(sys.stdin.buffer):
    for row in rows:
        print(SYMBOLS.names[row["symbol"]], interval_text(int(row["interval"]), ["1s"]), row["close"])
"""


def bar(symbol: str, interval: str | None, close: float) -> bytes:
    value = "null" if interval is None else f'"{interval}"'
    header = '{"eventId":"b","correlationId":"b","eventType":"BAR_CLOSED","priority":2,"timestamp":1,"source":"s"}'
    return f'{{"header":{header},"payload":{{"symbol":"{symbol}","interval":{value},"end":1,"close":{close}}}}}'.encode()


def test_names_stay() -> None:
    given = [("A", "5m", 1.0), ("B", None, 2.0), ("A", "1d", 3.0), ("A", "5m", 4.0)]
    parts = [rows for _, rows in bars_by_shard([read_bar(bar(*each), 0) for each in given])]
    own = next(rows for rows in parts if len(rows) == 3).copy()
    own["interval"][0] = 0
    again = pickle.loads(pickle.dumps(own))
    np.testing.assert_array_equal(again, own)
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, "-c", READ], input=pickle.dumps([*parts, own]), cwd=root, env={"PYTHONPATH": "."}, capture_output=True, check=True
    )
    told = sorted(done.stdout.decode().splitlines())
    assert told == sorted(["A 5m 1.0", "B None 2.0", "A 1d 3.0", "A 5m 4.0", "A 1s 1.0", "A 1d 3.0", "A 5m 4.0"])
