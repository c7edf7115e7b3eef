"""The README's commands, those that need no Kafka and end by themselves, as a reader would paste them."""

from __future__ import annotations

import gzip
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.references.indicators.quotes import HERE
from trademaster.data import __file__ as data

ROOT = Path(__file__).parents[2]
TRADES = Path(data).parent / "amzn-trades-2012-06-21.csv.gz"
BLOCKS = re.findall(r"```sh\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
SHELL = 'set -e\ntrademaster() { "$PYTHON" -m trademaster "$@"; }\n'


def block(word: str) -> str:
    """The one that has a word, without what runs until Ctrl-C or wants a broker."""
    found = [text for text in BLOCKS if word in text]
    assert len(found) == 1, f"{len(found)} blocks with {word!r}"
    return re.sub(r"(trademaster tail .*)", r"\1 --no-follow", "\n".join(line for line in found[0].splitlines() if "kafka://" not in line))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the reader works: the files that the commands name."""
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    shutil.copy(HERE / "default.csv", tmp_path / "bars.csv")
    shutil.copy(HERE / "default.csv", tmp_path / "spy.csv")
    (tmp_path / "limits.csv").write_text("limitId,rule,scope,account,threshold\nloss,daily_loss,account,A1,5000\n")
    (tmp_path / "trades.csv").write_bytes(gzip.decompress(TRADES.read_bytes()))
    return tmp_path


@pytest.mark.parametrize(
    ("word", "wanted"),
    [
        ("pipe market --input", {"market.marks"}),
        ("replay --archive", set()),
        ("pipe portfolio <<", {"portfolio.positions", "portfolio.pnl", "portfolio.accounts"}),
        ("pipe signals", {"market.indicators", "signals"}),
        ("control trading", set()),
        ("control load examples/control.yaml --dry-run", set()),
    ],
)
def test_commands_run_as_written(folder: Path, word: str, wanted: set[str]) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHON": sys.executable}
    run = subprocess.run(
        ["sh", "-c", SHELL + block(word)], capture_output=True, text=True, check=False, cwd=folder, env=environment, timeout=240
    )
    assert run.returncode == 0, run.stderr
    assert "dead letter" not in run.stderr
    topics = {json.loads(line)["topic"] for line in run.stdout.splitlines() if line.startswith('{"topic":"')}
    assert topics >= wanted
