"""Rows of a query as text: a table for people, CSV and JSON lines for programs."""

from __future__ import annotations

import base64
import csv
from datetime import date, datetime
from decimal import Decimal
from itertools import islice
from typing import Any, TextIO

import msgspec

from trademaster.history import Answer, Nanoseconds

MOST_ROWS = 10_000
"""Of a table, whose widths want all of it in memory; programs read the other forms."""


def print_answer(answer: Answer, form: str, out: TextIO) -> None:
    """Write the rows as ``table``, ``csv`` or ``json``."""
    if form == "json":
        for row in answer.rows:
            line = dict(zip(answer.columns, map(_json, row), strict=True))
            out.write(msgspec.json.encode(line, enc_hook=str).decode() + "\n")
    elif form == "csv":
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(answer.columns)
        writer.writerows([_text(value) for value in row] for row in answer.rows)
    else:
        _print_table(answer, out)


def _print_table(answer: Answer, out: TextIO) -> None:
    rows = [[_text(value) for value in row] for row in islice(answer.rows, MOST_ROWS)]
    widths = [max(map(len, column)) for column in zip(answer.columns, *rows, strict=True)]
    lines = (answer.columns, ["-" * width for width in widths], *rows)
    out.writelines("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() + "\n" for row in lines)
    more = sum(1 for _ in answer.rows)
    out.write(f"{len(rows)} rows{f', {more} more are not shown: --format csv shows all' if more else ''}\n")


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bytes):
        return _from_bytes(value)
    if isinstance(value, Nanoseconds):
        return str(value)
    return format(_plain(value), "f") if isinstance(value, Decimal) else str(value)


def _json(value: Any) -> Any:
    if isinstance(value, bytes):
        return _from_bytes(value)
    if isinstance(value, Nanoseconds | datetime | date):
        return str(value)
    return format(_plain(value), "f") if isinstance(value, Decimal) else value


def _plain(value: Decimal) -> Decimal:
    """Without the zeros that its column's scale adds."""
    return value.normalize() if value else Decimal(0)


def _from_bytes(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return base64.b64encode(value).decode()
