"""A run that begins afresh knows the present positions before its first command, however late it reads their topic."""

from __future__ import annotations

import subprocess
from decimal import Decimal
from pathlib import Path

import msgspec

from schemas.bus import Records
from schemas.control import Limit
from schemas.event_outgoing import event_encoder
from schemas.events import NOWHERE, Event, Header
from schemas.orders import OrderCommand
from schemas.partitioning import partition_of
from schemas.portfolio import PositionUpdate
from schemas.times import SECOND_NS
from tests.engine.running import command, create_topics, events, finished, write_control
from trademaster.bus import open_bus

HELD = PositionUpdate("A", "X", Decimal(95), None, Decimal(0), Decimal(0), Decimal(0), "USD", "average", (), 7)
ACCOUNTS = ("A", "B")


def test_a_command_meets_the_positions_that_were_there_before(tmp_path: Path) -> None:
    url = f"embedded:{tmp_path / 'bus'}"
    create_topics(url)
    for account in ACCOUNTS:
        limit = Limit(account, "position", "account", Decimal(100), account)
        write_control(url, "control.limits", account.encode(), msgspec.json.encode(limit))
    bus = open_bus(url)
    writer, partitions = bus.writer(), len(bus.partitions("orders.commands"))
    for account in ACCOUNTS:
        payload = OrderCommand("place", account, account, symbol="X", side="buy", quantity=Decimal(10), price=Decimal(9))
        header = Header(account, account, "ORDER_COMMAND", 2, SECOND_NS, "test")
        made = event_encoder("orders.commands")([[Event(header, payload, SECOND_NS, NOWHERE)]])
        writer.write(made.records(partitions))
    header = Header("p", "p", "POSITION_UPDATE", 3, SECOND_NS, "portfolio")
    value = msgspec.json.encode({"header": header, "payload": HELD, "targetService": None})
    writer.write(Records("portfolio.positions", [partition_of(b"A", len(bus.partitions("portfolio.positions")))], [b"A|X"], [value]))
    writer.flush()
    writer.close()
    bus.close()
    where = ("--bus", url, "--recovery", str(tmp_path / "recovery"))
    finished(subprocess.Popen(command("run", "orders", *where, "--until-end", "--quiet"), stderr=subprocess.PIPE))
    said = {event["payload"]["account"]: event["payload"]["status"] for event in events(url, "orders.updates")}
    assert said == {"A": "REJECTED", "B": "PENDING_NEW"}
