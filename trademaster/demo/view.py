"""Draws the board in a terminal."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Sequence

from rich import box
from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from trademaster.demo.alert_lines import line_of
from trademaster.demo.board import Board, Book, Row

RATE_SAMPLES = 8
WIDE = 140
"""Columns in which all numbers have room; 80 have room for the main ones."""
NARROW_CLOSES = 8
LINES_BESIDE = 8
"""Lines of a screen that are neither symbols nor alerts."""
BOOK_LINES = 4
"""Lines of the accounts' table beside the accounts."""
NOTE = "AMZN of 2012-06-21 and simulated symbols; h halts, a resumes, Ctrl-C stops"

_BLOCKS = "▁▂▃▄▅▆▇█"


def sparkline(values: Sequence[float]) -> str:
    """Eight heights from the least to the largest."""
    if not values:
        return ""
    low, high = min(values), max(values)
    step = (high - low) / (len(_BLOCKS) - 1) or 1.0
    return "".join(_BLOCKS[round((value - low) / step)] for value in values)


class Screen:
    """The board on a console: redrawn on a terminal, a line now and then elsewhere."""

    def __init__(self, board: Board, console: Console) -> None:
        self._board = board
        self._console = console
        self._seen: deque[tuple[float, int]] = deque(maxlen=RATE_SAMPLES)

    def draw(self, ticks: int) -> RenderableType:
        """The whole screen; ``ticks`` were taken so far."""
        counts, is_wide = self._board.counts, self._console.width >= WIDE
        gap = "   " if is_wide else "  "
        numbers = [
            self._clock() if is_wide else self._clock()[11:],
            f"{self._rate(ticks):,.0f} ticks/s",
            f"{ticks:,} ticks",
            f"{counts['market.bars']:,} bars",
            f"{counts['risk.alerts']:,} alerts",
            *([f"{self._fills():,} fills"] if is_wide else []),
        ]
        title = ("TradeMaster Streams" if is_wide else "TradeMaster", "bold")
        state = [] if self._board.trading == "ACTIVE" else [(f"{self._board.trading}{gap}", "bold red")]
        head = Text.assemble(title, gap, *state, gap.join(numbers), no_wrap=True, overflow="ellipsis")
        if not self._board.rows:
            return Group(head, Text("\nstarting the market flow ...", style="dim"))
        note = Text(NOTE, style="dim", no_wrap=True, overflow="ellipsis")
        books = [_books(self._board.books, is_wide=is_wide)] if self._board.books else []
        room = self._console.height - len(self._board.rows) - LINES_BESIDE - (BOOK_LINES + len(self._board.books) if books else 0)
        return Group(head, _symbols(self._board, is_wide=is_wide), *books, _alerts(self._board, max(1, room)), note)

    def print(self, ticks: int) -> None:
        """One line, for a console that is no terminal."""
        marks = (row.mark for row in self._board.rows.values() if row.mark is not None)
        prices = "  ".join(f"{mark.symbol} {_price(mark.price)}" for mark in sorted(marks, key=lambda mark: mark.symbol))
        equity = "  ".join(
            f"{account} {_money(book.balance.equity)}" for account, book in sorted(self._board.books.items()) if book.balance is not None
        )
        self._console.print(f"{self._clock()}  {self._rate(ticks):,.0f} ticks/s  {prices}  {equity}", highlight=False, soft_wrap=True)

    def summary(self, ticks: int) -> str:
        """What was seen, for the end."""
        counts = self._board.counts
        bars, alerts = counts["market.bars"], counts["risk.alerts"]
        profit = sum(book.balance.day_pnl or 0.0 for book in self._board.books.values() if book.balance is not None)
        return f"{ticks:,} ticks became {bars:,} bars and {alerts:,} alerts; {self._fills():,} fills made {profit:,.2f} USD"

    def _fills(self) -> int:
        return sum(book.fills for book in self._board.books.values())

    def _clock(self) -> str:
        return self._board.time[:19].replace("T", " ") + " UTC" if self._board.time else "..."

    def _rate(self, ticks: int) -> float:
        now = time.monotonic()
        self._seen.append((now, ticks))
        then, before = self._seen[0]
        return (ticks - before) / (now - then) if now > then else 0.0


def _symbols(board: Board, *, is_wide: bool) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, expand=True)
    table.add_column("symbol", no_wrap=True)
    for name in ("last", "bid", "ask", "day volume", "vol (ewma)", "vol (day)") if is_wide else ("last", "ewma", "day vol"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column(
        f"last {board.interval} bar  open high low close" if is_wide else f"{board.interval} open high low close", no_wrap=True
    )
    table.columns[-1].justify = "right"
    table.add_column("closes", no_wrap=True)
    for symbol, row in sorted(board.rows.items()):
        table.add_row(*_cells(symbol, row, is_wide=is_wide))
    return table


def _cells(symbol: str, row: Row, *, is_wide: bool) -> list[RenderableType]:
    mark, bar = row.mark, row.bar
    name = Text(symbol, style="bold red" if row.in_breach else "bold")
    cells = [""] * 6
    if mark:
        cells = [_price(mark.price), _price(mark.bid), _price(mark.ask), f"{mark.day_volume:,.0f}"]
        cells += [_percent(mark.ewma_volatility, 4), _percent(mark.realized_volatility, 2)]
    rising = bar is not None and bar.close >= bar.open
    summary = " ".join(_price(value) for value in (bar.open, bar.high, bar.low, bar.close)) if bar else ""
    style = "green" if rising else "red"
    return [
        name,
        *(cells if is_wide else [cells[0], *cells[4:]]),
        Text(summary, style=style),
        Text(sparkline(row.closes if is_wide else list(row.closes)[-NARROW_CLOSES:]), style=style),
    ]


def _books(books: dict[str, Book], *, is_wide: bool) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, expand=True)
    table.add_column("account", no_wrap=True)
    for name in ("equity", "day P&L", "realised", "unrealised", "gross", "net") if is_wide else ("equity", "day P&L"):
        table.add_column(name, justify="right", no_wrap=True, min_width=len("1,000,000.00"))
    table.add_column("positions", no_wrap=True, overflow="ellipsis", ratio=1)
    for account, book in sorted(books.items()):
        balance = book.balance
        numbers = [""] * 6
        if balance:
            numbers = [_money(balance.equity), _money(balance.day_pnl), _money(balance.realized_pnl), _money(balance.unrealized_pnl)]
            numbers += [_money(balance.gross_exposure), _money(balance.net_exposure)]
        style = "red" if balance and (balance.day_pnl or 0) < 0 else "green"
        cells = [Text(cell, style=style if place == 1 else "") for place, cell in enumerate(numbers if is_wide else numbers[:2])]
        table.add_row(Text(account, style="bold"), *cells, _positions(book))
    return table


def _positions(book: Book) -> Text:
    held = [position for _, position in sorted(book.positions.items()) if position.quantity]
    parts: list[tuple[str, str]] = []
    for position in held:
        style = "red" if (position.unrealized_pnl or 0) < 0 else "green"
        parts += [(f"{position.symbol} ", "bold"), (f"{position.quantity:+,.0f} ", ""), (f"{_money(position.unrealized_pnl)}  ", style)]
    return Text.assemble(*parts, no_wrap=True, overflow="ellipsis")


def _money(value: float | None) -> str:
    return "unknown" if value is None else f"{value:,.2f}"


def _price(value: float | None) -> str:
    return "" if value is None or math.isnan(value) else f"{value:,.2f}"


def _percent(value: float | None, decimals: int) -> str:
    return "" if value is None else f"{100 * value:.{decimals}f}%"


def _alerts(board: Board, count: int) -> Panel:
    lines = [line_of(event) for event in list(board.alerts)[:count]]
    return Panel(Group(*lines or [Text("none yet", style="dim")]), title="risk.alerts", title_align="left", box=box.ROUNDED)
