"""A run to the end waits for what goes round a cycle of its flows through the bus."""

from __future__ import annotations

import subprocess
from pathlib import Path

import msgspec
import pytest

from schemas.bus import Records
from schemas.partitioning import partition_of
from tests.engine.running import command, create_topics, events, finished
from trademaster.bus import open_bus

PLACE = {
    "command": "place",
    "account": "A",
    "orderId": "1",
    "symbol": "X",
    "side": "buy",
    "quantity": "5",
    "price": "9",
    "timeInForce": "gtc",
}
HEADER = {"eventId": "c1", "correlationId": "c1", "eventType": "ORDER_COMMAND", "priority": 2, "timestamp": 10**18, "source": "test"}


@pytest.mark.parametrize("processes", [1, 2])
def test_an_order_is_acknowledged_before_the_run_ends(tmp_path: Path, processes: int) -> None:
    url = f"embedded:{tmp_path / 'bus'}"
    create_topics(url)
    bus = open_bus(url)
    writer, partitions = bus.writer(), len(bus.partitions("orders.commands"))
    placing = msgspec.json.encode({"header": HEADER, "payload": PLACE})
    writer.write(Records("orders.commands", [partition_of(b"A", partitions)], [b"1"], [placing]))
    writer.flush()
    writer.close()
    bus.close()
    where = ("--bus", url, "--recovery", str(tmp_path / "recovery"), "--processes", str(processes))
    finished(subprocess.Popen(command("run", "orders", "paper", *where, "--until-end", "--quiet"), stderr=subprocess.PIPE))
    assert [event["payload"]["execType"] for event in events(url, "orders.events")] == ["new"]
    assert [event["payload"]["status"] for event in events(url, "orders.updates")] == ["PENDING_NEW", "NEW"]
