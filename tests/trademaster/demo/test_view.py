"""The demo's screen shows whole numbers, and fits, on any terminal from 80 columns by 24 lines."""

from __future__ import annotations

import io
from decimal import Decimal

import pytest
from rich.console import Console

from schemas.alerts import Alert
from schemas.events import Envelope, Header
from schemas.market import Bar, Mark
from schemas.portfolio import BalanceUpdate, PnlChange
from trademaster.demo.board import Board, Book, Row
from trademaster.demo.view import Screen

TIME = "2012-06-21T13:30:01.000000000Z"


def board() -> Board:
    board = Board("1m", time=TIME)
    for at in range(8):
        symbol = f"SIM{at}"
        bar = Bar(symbol, "1m", TIME, TIME, 224.18, 224.75, 224.18, 224.2, 100, 224.3, 7)
        mark = Mark(symbol, 224.02, 224.01, 224.03, 224.02, 5, 1_234_567.0, 0.000341, 0.0059, None)
        board.rows[symbol] = Row(mark, bar)
        board.rows[symbol].closes.extend(range(24))
    for name in ("BREAKOUT", "MAKER", "TREND"):
        board.books[name] = Book(BalanceUpdate(name, "USD", Decimal(972_958), 1_000_004.85, 162.4, -157.5, 4.85, 130_855.0, -27_046.0, 1e6))
        held = PnlChange(name, "AMZN", -100, 224.0, 224.02, -2.0, 1.0, -1.0, "USD", 1)
        board.books[name].positions["AMZN"] = held
    header = Header("e", "c", "RISK_LIMIT_BREACH", 1, TIME, "market")
    for episode in range(8):
        alert = Alert("a", "band", "price_band", "symbol:SIM1", "SIM1", None, "breach", 0.00512, 0.005, episode + 1)
        board.alerts.append(Envelope(header, alert))
    board.counts["market.bars"] = 12_345
    return board


@pytest.mark.parametrize(("width", "height"), [(80, 24), (100, 30), (139, 40), (140, 40), (160, 50)])
def test_nothing_is_cut(width: int, height: int) -> None:
    console = Console(file=io.StringIO(), width=width, height=height, force_terminal=False)
    console.print(Screen(board(), console).draw(123_456))
    text = console.file.getvalue()  # type: ignore[attr-defined]
    lines = text.splitlines()
    assert len(lines) <= height
    assert max(map(len, lines)) <= width
    assert "…" not in text
    market = ("224.18 224.75 224.18 224.20", "0.0341%", "0.59%", "123,456 ticks", "12,345 bars", "0.512% above 0.5%")
    for number in (*market, "1,000,004.85", "AMZN -100 -2.00", "Ctrl-C"):
        assert number in text
    assert ("1,234,567" in text) == ("-27,046.00" in text) == (width >= 140)
