"""Positions, P&L and accounts that others worked out: each table of ``portfolio/`` through the filter, ``trademaster pipe portfolio``.

A table says its source, where it stands, and its conventions where they are not ours; a case what goes in and what must have come out last.

- ``inputs``: a payload a line, by topic. Account, symbol, execution id and time are filled in where a case does not care for them.
- ``instrument``, ``account``: said before the inputs. ``costing``: average, unless said otherwise.
- ``expect``: fields of the last event of the case on a topic. ``1.5`` is exactly that, ``1.5 ± 0.1`` what a source rounds;
  what a mark makes is a JSON number, so that it is only as exact as one.
"""

from __future__ import annotations

import functools
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import pytest
import yaml

from trademaster.pipe_input import run_pipe_over
from trademaster.settings import PortfolioSettings, Settings

FOLDER = Path(__file__).parent / "portfolio"
FIRST_NS = 1_767_366_000_000_000_000
"""2026-01-02T15:00:00Z: inputs are a second apart."""
FLOAT_DIGITS = Decimal("1e-12")
WORDS = {"null": None, "true": True, "false": False}

Line = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """One example of a table."""

    table: str
    number: int
    name: str
    inputs: list[dict[str, dict[str, str]]]
    expect: dict[str, dict[str, Any]]
    costing: str = "average"
    instrument: dict[str, str] | None = None
    account: dict[str, str] | None = None
    at: str = ""
    note: str = ""
    key: str = field(init=False)
    """Of its account and of its symbol: nothing is shared between cases."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "key", f"{self.table}-{self.number}")

    def lines(self) -> Iterator[Line]:
        """What it says before its inputs, and those; times come later."""
        if self.instrument is not None:
            yield {"topic": "control.instruments", "value": {"symbol": self.key, **_words(self.instrument)}}
        if self.account is not None:
            yield {"topic": "control.accounts", "value": {"account": self.key, **_words(self.account)}}
        for number, said in enumerate(self.inputs):
            ((topic, payload),) = said.items()
            filled: dict[str, Any] = {"symbol": self.key, **_words(payload)}
            if topic == "orders.events":
                filled = {"account": self.key, "executionId": f"{self.key}-{number}", **filled}
                if payload["execType"] == "cash":
                    del filled["symbol"]
            elif topic == "market.ticks":
                filled |= {
                    name: float(text) for name, text in payload.items() if name in ("price", "size", "bid", "ask", "bidSize", "askSize")
                }
            yield {"topic": topic, "value": filled}

    def rates(self) -> str:
        """The rates of exchange that it needs: symbols that everybody hears."""
        return json.dumps([said for said in self.inputs if "symbol" in said.get("market.ticks", {})])


def _words(payload: dict[str, str]) -> dict[str, Any]:
    return {name: WORDS.get(text, text) for name, text in payload.items()}


def _tables() -> dict[str, dict[str, Any]]:
    """Every scalar as its text: no number goes through a float."""
    return {path.stem: yaml.load(path.read_text("utf-8"), Loader=yaml.BaseLoader) for path in sorted(FOLDER.glob("*.yaml"))}


TABLES = _tables()
CASES = [Case(table, number, **case) for table, content in TABLES.items() for number, case in enumerate(content["cases"], 1)]


@functools.cache
def _said(costing: str, rates: str) -> list[Line]:
    """What the filter says to all cases of that costing that need the same rates, in one run."""
    lines = [line for case in CASES if (case.costing, case.rates()) == (costing, rates) for line in case.lines()]
    for number, line in enumerate(lines):
        if line["topic"] in ("orders.events", "control.actions", "market.ticks"):
            line["value"].setdefault("timestamp", FIRST_NS + number * 1_000_000_000)
    out = io.BytesIO()
    settings = Settings(portfolio=PortfolioSettings.model_validate({"costing": costing}))
    run_pipe_over(settings, ["portfolio"], io.BytesIO("".join(json.dumps(line) + "\n" for line in lines).encode()), out)
    return [json.loads(line) for line in out.getvalue().splitlines()]


def _last(case: Case, topic: str) -> dict[str, Any] | None:
    found = None
    for line in _said(case.costing, case.rates()):
        if line["topic"] != topic:
            continue
        payload = line["value"]["payload"]
        if payload["account"] == case.key and payload.get("symbol", case.key) == case.key:
            found = payload
    return found


def agrees(found: Any, wanted: Any) -> bool:
    """Whether a value of an event is the one of a table."""
    if isinstance(wanted, list):
        return len(found) == len(wanted) and all(
            agrees(lot[name], text) for lot, kept in zip(found, wanted, strict=True) for name, text in kept.items()
        )
    if found is None or wanted == "null":
        return found is None and wanted == "null"
    try:
        value, within = (Decimal(text.strip()) for text in (wanted if "±" in wanted else f"{wanted} ± 0").split("±"))
    except InvalidOperation:
        return bool(found == wanted)
    if isinstance(found, float):
        within = max(within, abs(value) * FLOAT_DIGITS)
    return abs(Decimal(str(found)) - value) <= within


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.table}: {case.name}")
def test_reference(case: Case) -> None:
    for topic, fields in case.expect.items():
        found = _last(case, topic)
        assert found is not None, f"nothing of the case on {topic}"
        wrong = {name: (found.get(name), wanted) for name, wanted in fields.items() if not agrees(found.get(name), wanted)}
        assert not wrong, f"{topic}: (found, wanted) of {wrong}; {case.at} {case.note}"


def test_tables_say_where_they_are_from() -> None:
    assert len(CASES) >= 25
    assert len(TABLES) >= 5
    assert all(table["source"] and table["where"] and table["conventions"] for table in TABLES.values())
    named = [(case.table, case.name) for case in CASES]
    assert len(named) == len(set(named))
    assert all(case.at for case in CASES if TABLES[case.table]["where"] == "see each case")


@pytest.mark.parametrize(
    ("found", "wanted", "expected"),
    [
        ("1.50", "1.5", True),
        ("1.5000000000000000001", "1.5", False),
        ("1.6", "1.5 ± 0.1", True),
        ("1.61", "1.5 ± 0.1", False),
        (0.1 + 0.2, "0.3", True),
        (0.3001, "0.3", False),
        (None, "null", True),
        (None, "0", False),
        ("0", "null", False),
        ("USD", "EUR", False),
        ([{"quantity": "2", "price": "3.0"}], [{"quantity": "2", "price": "3"}], True),
        ([], [{"quantity": "2", "price": "3"}], False),
    ],
)
def test_agreement_sees_a_difference(found: Any, wanted: Any, expected: bool) -> None:
    assert agrees(found, wanted) is expected
