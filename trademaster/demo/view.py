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

from trademaster.demo.board import Board, Row

RATE_SAMPLES = 8
NOTE = "real AMZN trades of 2012-06-21 beside simulated symbols, a minute a second; Ctrl-C stops"

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
        counts = self._board.counts
        head = Text.assemble(
            ("TradeMaster Streams", "bold"),
            f"   {self._clock()}   {self._rate(ticks):,.0f} ticks/s   {ticks:,} ticks   ",
            f"{counts['market.bars']:,} bars   {counts['risk.alerts']:,} alerts",
        )
        if not self._board.rows:
            return Group(head, Text("\nstarting the market flow ...", style="dim"))
        return Group(head, _symbols(self._board), _alerts(self._board), Text(NOTE, style="dim"))

    def print(self, ticks: int) -> None:
        """One line, for a console that is no terminal."""
        marks = (row.mark for row in self._board.rows.values() if row.mark is not None)
        prices = "  ".join(f"{mark.symbol} {_price(mark.price)}" for mark in sorted(marks, key=lambda mark: mark.symbol))
        self._console.print(f"{self._clock()}  {self._rate(ticks):,.0f} ticks/s  {prices}", highlight=False, soft_wrap=True)

    def summary(self, ticks: int) -> str:
        """What was seen, for the end."""
        counts = self._board.counts
        return f"{ticks:,} ticks became {counts['market.bars']:,} bars and {counts['risk.alerts']:,} alerts"

    def _clock(self) -> str:
        return self._board.time[:19].replace("T", " ") + " UTC" if self._board.time else "..."

    def _rate(self, ticks: int) -> float:
        now = time.monotonic()
        self._seen.append((now, ticks))
        then, before = self._seen[0]
        return (ticks - before) / (now - then) if now > then else 0.0


def _symbols(board: Board) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, expand=True)
    table.add_column("symbol")
    for name in ("last", "bid", "ask", "day volume", "vol (ewma)", "vol (day)"):
        table.add_column(name, justify="right")
    table.add_column(f"last {board.interval} bar  open high low close", justify="right", no_wrap=True)
    table.add_column("closes", no_wrap=True)
    for symbol, row in sorted(board.rows.items()):
        table.add_row(*_cells(symbol, row))
    return table


def _cells(symbol: str, row: Row) -> list[RenderableType]:
    mark, bar = row.mark, row.bar
    name = Text(symbol, style="bold red" if row.in_breach else "bold")
    prices = [_price(value) for value in (mark.price, mark.bid, mark.ask)] if mark else ["", "", ""]
    rising = bar is not None and bar.close >= bar.open
    summary = " ".join(_price(value) for value in (bar.open, bar.high, bar.low, bar.close)) if bar else ""
    style = "green" if rising else "red"
    return [
        name,
        *prices,
        f"{mark.day_volume:,.0f}" if mark else "",
        _percent(mark.ewma_volatility, 4) if mark else "",
        _percent(mark.realized_volatility, 2) if mark else "",
        Text(summary, style=style),
        Text(sparkline(row.closes), style=style),
    ]


def _price(value: float | None) -> str:
    return "" if value is None or math.isnan(value) else f"{value:,.2f}"


def _percent(value: float | None, decimals: int) -> str:
    return "" if value is None else f"{100 * value:.{decimals}f}%"


def _alerts(board: Board) -> Panel:
    lines = Text()
    for event in board.alerts:
        alert = event.payload
        breach = alert.state == "breach"
        lines.append(str(event.header.timestamp)[11:23] + "  ", style="dim")
        lines.append("BREACH " if breach else "clear  ", style="bold red" if breach else "green")
        edge = f"beyond {alert.threshold:.2%}" if breach else "back within the band"
        lines.append(f"{alert.key}  {alert.rule} {alert.value:.2%} {edge}  episode {alert.episode}\n")
    if not board.alerts:
        lines.append("none yet", style="dim")
    return Panel(lines, title="risk.alerts", title_align="left", box=box.ROUNDED)
