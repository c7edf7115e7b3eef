"""A corpus of ticks, usual and strange, and the digest of what the scanner makes of it: run with and without compilation.

As a program: prints the digest.
"""

from __future__ import annotations

import hashlib
import random

import numpy as np

from schemas.symbols import SYMBOLS
from schemas.tick_codec import TickDecoder
from tests.schemas.tick_batches import HEARTBEAT, QUOTE, TRADE, batch_of

_PIECES = [
    b'"',
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b"\\",
    b"\xff",
    b"0",
    b"-",
    b".",
    b"e5",
    b" ",
    b"\x00",
    b"null",
    b'"price":1,',
    b"99999999999",
]


def corpus(seed: int, count: int) -> list[bytes]:
    """Records: a third is good, the rest has pieces put in, taken out or replaced."""
    choose = random.Random(seed)
    values = []
    for _ in range(count):
        fields = [
            b'"type":"%s"' % choose.choice([b"trade", b"quote", b"heartbeat"]),
            b'"timestamp":%s'
            % choose.choice(
                [
                    b"%d" % choose.randrange(8 * 10**18),
                    b'"2026-0%d-2%dT15:04:05.%dZ"' % (choose.randrange(1, 10), choose.randrange(9), choose.randrange(10**9)),
                ]
            ),
            b'"symbol":"%s"' % choose.choice([b"A", b"AMZN", b"BTC-USDT", b"EURUSD=X9", b"E" * 64, b"S%d" % choose.randrange(10**6)]),
            b'"price":%.*f' % (choose.randrange(12), choose.uniform(-100, 10**6)),
            b'"bid":%.*f' % (choose.randrange(12), choose.uniform(0, 10**6)),
            b'"askSize":%d' % choose.randrange(10 ** choose.randrange(1, 19)),
            b'"sequence":%d' % choose.randrange(10 ** choose.randrange(1, 19)),
            b'"side":"sell"',
            b'"other":%s' % choose.choice([b"true", b"false", b"null", b'"text of some length"', b"-1.5", b"[1]"]),
        ]
        choose.shuffle(fields)
        raw = choose.choice([b"{" + b",".join(fields) + b"}", b"{ " + b" ,\n".join(fields) + b" }", TRADE, QUOTE, HEARTBEAT])
        if choose.random() < 0.2:
            raw = b"[" + b",".join([raw] * choose.randrange(4)) + b"]"
        if choose.random() < 0.6:
            at = choose.randrange(len(raw))
            raw = raw[:at] + choose.choice(_PIECES) + raw[at + choose.randrange(3) :]
        values.append(raw)
    return values


def digest(seed: int, count: int) -> str:
    """Of rows (symbols by name), rejects, and which records were declined."""
    hashed = hashlib.sha256()
    values = corpus(seed, count)
    for begin in range(0, count, 50):
        found = TickDecoder().decode(batch_of(values[begin : begin + 50]))
        for name in (found.rows.dtype.names or ())[:]:
            column = found.rows[name]
            if name == "symbol":
                column = np.array([SYMBOLS.names[code] if code >= 0 else "" for code in column.tolist()])
            elif column.dtype.kind == "f":
                column = np.where(np.isnan(column), np.nan, column)
            hashed.update(column.tobytes())
        hashed.update(repr((found.rejects, found.declined)).encode())
    return hashed.hexdigest()


if __name__ == "__main__":
    with np.errstate(over="ignore"):
        print(digest(7, 1500))
