"""``trademaster demo``: an embedded bus, the flows, a replay of a real session, traders, and a live view in the terminal."""

from __future__ import annotations

import contextlib
import signal
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from schemas.bus import Bus
from trademaster.settings import Settings

if TYPE_CHECKING:
    from trademaster.demo.children import Programs
    from trademaster.demo.feed import Feed
    from trademaster.demo.traders import Traders

INTERVAL = "1m"
"""Bars shown: at the default speed of 60 one closes every second."""

FLOWS = ("market", "orders", "paper", "portfolio", "risk")

SETTINGS = (f"market.intervals=1s,{INTERVAL}", "paper.fee_per_share=0.0035", "paper.fee_minimum=0.35")

STATE_OF_KEY: dict[str, Literal["ACTIVE", "HALTED"]] = {"h": "HALTED", "a": "ACTIVE"}
POLL_S = 0.1
DRAW_EVERY_S = 0.25


def run_demo(settings: Settings, *, speed: float, symbols: int, folder: Path | None, duration_s: float | None) -> None:
    """Run until Ctrl-C, SIGTERM or the end of ``duration_s``.

    Args:
        settings: of the program; the bus is the demo's own.
        speed: of the replay, as a multiple of the session's own.
        symbols: simulated beside the real one.
        folder: keeps the bus and the recovery store; None: a temporary one.
        duration_s: None: without end.
    """
    from trademaster.bus import open_bus
    from trademaster.demo.children import Programs, archive_folder
    from trademaster.demo.feed import Feed
    from trademaster.demo.rules import limited
    from trademaster.demo.traders import Traders, opened
    from trademaster.topic_settings import topic_settings

    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    with contextlib.ExitStack() as stack:
        place = folder or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="trademaster-demo-")))
        url = f"embedded:{place / 'bus'}"
        bus = open_bus(url)
        stack.callback(bus.close)
        bus.create(topic_settings(settings))
        limited(bus)
        opened(bus)
        archive = archive_folder(folder)
        programs = Programs(url, place, FLOWS, SETTINGS, archive)
        stack.callback(programs.close)
        feed, traders = Feed(bus, symbols, speed), Traders(bus, INTERVAL)
        for thread in (feed, traders):
            thread.start()
            stack.callback(thread.stop)
        _show(bus, feed, traders, programs, stopping, duration_s)
    if archive.exists():
        print(f"kept: trademaster replay --archive {archive} --topics market.ticks | trademaster pipe market")  # noqa: T201


def _show(bus: Bus, feed: Feed, traders: Traders, programs: Programs, stopping: threading.Event, duration_s: float | None) -> None:
    from rich.console import Console
    from rich.live import Live

    from trademaster.demo.board import TOPICS, Board
    from trademaster.demo.keys import pressed_keys
    from trademaster.demo.rules import switched
    from trademaster.demo.view import Screen

    board, console = Board(INTERVAL), Console()
    readers = [bus.reader(topic) for topic in TOPICS]
    screen = Screen(board, console)
    began = time.monotonic()
    with contextlib.ExitStack() as stack:
        for reader in readers:
            stack.callback(reader.close)
        key = stack.enter_context(pressed_keys())
        live = stack.enter_context(Live(screen.draw(0), console=console, screen=True, auto_refresh=False)) if console.is_terminal else None
        drawn = 0.0
        while not stopping.wait(POLL_S):
            for reader in readers:
                while (batch := reader.poll(10_000, 0.0)) is not None:
                    board.apply(batch)
                    programs.start_archive()
            programs.check()
            for thread in (feed, traders):
                if thread.error is not None:
                    raise thread.error
            if state := STATE_OF_KEY.get(key()):
                switched(bus, state)
            now = time.monotonic()
            if duration_s is not None and now - began >= duration_s:
                break
            if now - drawn >= (DRAW_EVERY_S if live else 1.0):
                drawn = now
                live.update(screen.draw(feed.ticks), refresh=True) if live else screen.print(feed.ticks)
    console.print(screen.summary(feed.ticks))
