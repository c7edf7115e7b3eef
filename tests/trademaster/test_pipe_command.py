"""``trademaster pipe`` as a person uses it: what goes wrong is said, in the user's words, with the right exit code."""

from __future__ import annotations

import gzip
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT_FOLDER = Path(__file__).resolve().parents[2]
TICK = b'{"type":"trade","symbol":"A","timestamp":1340285400000000000,"price":1}\n'


def start(*arguments: str) -> subprocess.Popen[bytes]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("TRADEMASTER_")}
    return subprocess.Popen(
        [sys.executable, "-m", "trademaster", "pipe", "market", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**clean, "PYTHONPATH": str(ROOT_FOLDER)},
    )


def run(*arguments: str, lines: bytes = b"") -> tuple[int, bytes, str]:
    process = start(*arguments)
    out, said = process.communicate(lines, timeout=120)
    return process.returncode, out, said.decode()


FILES = {
    "empty.csv": b"",
    "wrong.csv": b"a,b\n1,2\n",
    "time.csv": b"timestamp,price,symbol\nyesterday,1,A\n",
    "cut.csv.gz": gzip.compress(b"timestamp,price,symbol\n" * 100)[:30],
    "noise.parquet": bytes(range(256)),
    "utf16.jsonl": b"\xff\xfe{\x00}\x00",
    "what.weird": b"{}",
}


@pytest.mark.parametrize("name", ["missing.csv", "missing.jsonl", "folder.csv", *FILES])
def test_an_input_that_cannot_be_read_is_named(name: str, tmp_path: Path) -> None:
    (tmp_path / "folder.csv").mkdir()
    if name in FILES:
        (tmp_path / name).write_bytes(FILES[name])
    code, out, said = run("--input", str(tmp_path / name))
    assert (code, out) == (2, b"")
    assert said.startswith("error: ")
    assert name in said
    assert "panicked" not in said
    assert "Bytewax" not in said


@pytest.mark.parametrize(
    "arguments", [["--columns", "nosuch=a"], ["--time-zone", "Mars"], ["--time-format", "x"], ["--symbol", "x" * 300], ["--topic", "audit"]]
)
def test_a_wrong_option_is_named(arguments: list[str], tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("timestamp,price,symbol\n1340285400,1,A\n")
    code, out, said = run("--input", str(tmp_path / "a.csv"), *arguments)
    assert (code, out) == (2, b"")
    assert said.startswith(f"error: {arguments[0]}: expected" if arguments[0] != "--columns" else "error: --columns")


def test_what_was_good_before_a_broken_file_breaks_is_written(tmp_path: Path) -> None:
    whole = gzip.compress(b"".join(TICK.replace(b"00,", b"%02d," % (at % 100), 1) for at in range(400_000)))
    (tmp_path / "cut.jsonl.gz").write_bytes(whole[: len(whole) * 2 // 3])
    code, out, said = run("--input", str(tmp_path / "cut.jsonl.gz"))
    assert code == 2
    assert "cut.jsonl.gz" in said
    assert b"market.marks" in out
    assert b"market.bars" not in out  # what the end closes is closed by an end, not by a failure


def test_a_reader_that_has_seen_enough_is_no_error() -> None:
    process = start()
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    process.stdin.write(TICK)
    process.stdin.close()
    assert (process.wait(120), process.stderr.read()) == (0, b"")
    process.stderr.close()


def test_ctrl_c_leaves_without_a_traceback() -> None:
    process = start()
    assert process.stdin is not None
    assert process.stdout is not None
    # A control event is a step of its own, and its dead letter shows that the pipe runs.
    process.stdin.write(b'{"topic":"control.limits","value":1}\n')
    process.stdin.flush()
    assert b"dead.letters" in process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert (process.returncode, said) == (130, b"")
