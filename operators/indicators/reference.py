"""The list of indicators as a page, made from their names and docstrings."""

from __future__ import annotations

import inspect

from operators.indicators.kinds import KINDS
from operators.indicators.names import signature

_HEAD = """# Indicators

What `signals.indicators` may name; generated from the code. Their values stand on `market.indicators`, keyed by the configured text: a
number, several by the names said here, or null during warm-up and where a formula has no answer. Numbers in brackets are what
parameters may be.
"""


def reference() -> str:
    """Markdown: each indicator with its signature, the bounds of its parameters, formula and source."""
    parts = [_HEAD]
    for name, kind in KINDS.items():
        bounds = ", ".join(map(str, kind.parameters))
        text = inspect.getdoc(kind.make) or ""
        parts.append(f"## {signature(name)}\n\n{text.replace('``', '`')}\n" + (f"\n({bounds})\n" if bounds else ""))
    return "\n".join(parts)
