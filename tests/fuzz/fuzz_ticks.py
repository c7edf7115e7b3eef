"""Coverage-guided fuzzing of the codec of ``market.ticks`` with atheris: ``python tests/fuzz/fuzz_ticks.py SECONDS [FOLDER]``.

The compiled scanner and the careful path must agree on every input (two NULs separate records), decoding must raise nothing, and
what was decoded must come back the same after encoding. Inputs that matter are kept in FOLDER, if it is given.

What is compiled gives no coverage, so the fuzzer is guided by the checks alone. With NUMBA_DISABLE_JIT=1 the scanner runs
uncompiled: slower, but then the fuzzer sees its branches, and each byte it reads is checked against the bounds.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import atheris  # noqa: E402
import numpy as np  # noqa: E402
from numba import config  # noqa: E402

GUIDES = ["schemas.tick_checks", "schemas.json_errors", "schemas.times"]
if config.DISABLE_JIT:  # type: ignore[attr-defined]
    GUIDES += ["schemas.tick_scanner", "schemas.tick_fields", "schemas.tick_times", "schemas.json_bytes", "schemas.json_numbers"]
else:
    import schemas.tick_scanner  # noqa: F401 - before the others: what is compiled cannot be instrumented

with atheris.instrument_imports(include=GUIDES):
    from schemas.tick_codec import TickDecoder, encode_ticks

from tests.schemas.tick_batches import HEARTBEAT, QUOTE, TRADE, batch_of  # noqa: E402
from tests.schemas.tick_corpus import corpus  # noqa: E402
from tests.schemas.tick_reference import careful, same  # noqa: E402

DECODER = TickDecoder()
SEPARATOR = b"\x00\x00"
NAMES = [
    "type",
    "timestamp",
    "symbol",
    "price",
    "size",
    "bid",
    "ask",
    "bidSize",
    "askSize",
    "sequence",
    "side",
    "venue",
    "trade",
    "quote",
    "heartbeat",
    "buy",
]
WORDS = [rf"\"{name}\"" for name in NAMES] + [
    "null",
    "true",
    "false",
    "NaN",
    "-Infinity",
    "1e5",
    "9007199254740993",
    ",",
    ":",
    "[",
    "]",
    "{",
    "}",
    r"\\u0041",
]


def check(raw: bytes) -> None:
    """Raise if anything about these records breaks a law."""
    values = raw.split(SEPARATOR)
    found = DECODER.decode(batch_of(values))
    rows, rejects = careful(values)
    assert same(found.rows, rows), values
    assert [(r.offset, r.index, r.reason.value, r.detail, r.payload) for r in found.rejects] == rejects, values
    again = DECODER.decode(batch_of(encode_ticks(rows)))
    for column in ("offset", "partition", "index"):
        again.rows[column] = rows[column]
    assert same(again.rows, rows), values


def main() -> None:
    """Fuzz for the seconds given on the command line."""
    seconds, folders = sys.argv[1], sys.argv[2:]
    with tempfile.TemporaryDirectory() as folder:
        seeds = Path(folder, "seeds")
        seeds.mkdir()
        for place, record in enumerate((TRADE, QUOTE, HEARTBEAT, *corpus(1, 300))):
            (seeds / str(place)).write_bytes(record)
        words = Path(folder, "words")
        words.write_text("".join(f'"{word}"\n' for word in WORDS))
        limits = [f"-max_total_time={seconds}", "-max_len=600", "-verbosity=0", "-print_final_stats=1", f"-dict={words}"]
        # The first folder is the one that is written to.
        atheris.Setup([sys.argv[0], *limits, *(folders or [str(Path(folder))]), str(seeds)], check)
        with np.errstate(over="ignore"):
            atheris.Fuzz()


if __name__ == "__main__":
    main()
