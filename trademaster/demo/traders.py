"""Runs the demo's strategies: reads bars and positions from the bus, writes order commands to it."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import msgspec

from schemas.bus import Batch, Bus, Records
from schemas.control import Account
from schemas.event_outgoing import event_encoder
from schemas.events import NOWHERE, Envelope, Event, EventType, follow
from schemas.market import Bar
from schemas.orders import OrderCommand
from schemas.portfolio import PositionUpdate
from schemas.times import parse_time
from trademaster.demo.strategies import ACCOUNTS, Desk

POLL_S = 0.02

_bars = msgspec.json.Decoder(Envelope[Bar]).decode
_positions = msgspec.json.Decoder(Envelope[PositionUpdate]).decode
_commands = event_encoder("orders.commands")


class Traders(threading.Thread):
    """Trades at each closed bar of an interval, until stopped."""

    def __init__(self, bus: Bus, interval: str) -> None:
        super().__init__(name="traders", daemon=True)
        self._bars = bus.reader("market.bars")
        self._positions = bus.reader("portfolio.positions")
        self._writer = bus.writer()
        self._partitions = len(bus.partitions("orders.commands"))
        self._interval = interval
        self._desk = Desk()
        self._stopping = threading.Event()
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            while not self._stopping.wait(POLL_S):
                while (batch := self._positions.poll(1000, 0.0)) is not None:
                    for value in batch.values():
                        position = _positions(value).payload
                        self._desk.holds(position.account, position.symbol, position.quantity)
                while (batch := self._bars.poll(1000, 0.0)) is not None:
                    self._send([command for bar in self._closed(batch) for command in self._decide(bar)])
        except Exception as error:  # noqa: BLE001 (shown by the view, which is in another thread)
            self.error = error
        finally:
            for end in (self._bars, self._positions, self._writer):
                end.close()

    def stop(self) -> None:
        self._stopping.set()
        self.join()

    def _closed(self, batch: Batch) -> Iterator[Event[Bar]]:
        for value in batch.values():
            bar = _bars(value)
            if bar.payload.interval == self._interval:
                yield Event(bar.header, bar.payload, parse_time(bar.payload.end), NOWHERE)

    def _decide(self, bar: Event[Bar]) -> Iterator[Event[OrderCommand]]:
        minute = str(bar.payload.end)[8:16]
        for command in self._desk.on_bar(bar.payload, minute):
            yield follow(bar, EventType.ORDER_COMMAND, f"command|{command.idempotency_key}", command, "demo")

    def _send(self, commands: list[Event[OrderCommand]]) -> None:
        if commands:
            self._writer.write(_commands([commands]).records(self._partitions))
            self._writer.flush()


def opened(bus: Bus) -> None:
    """Open the traders' accounts."""
    writer = bus.writer()
    keys = [account.account.encode() for account in ACCOUNTS]
    writer.write(Records("control.accounts", [0] * len(ACCOUNTS), keys, [_opening(account) for account in ACCOUNTS]))
    writer.flush()
    writer.close()


def _opening(account: Account) -> bytes:
    return msgspec.json.encode(account)
