"""Events of every kind that is recorded, and what must stand in the tables after them: told from the JSON, by nothing that is tested."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any, Literal

import msgspec
import numpy as np
from sqlalchemy import Engine, select

from schemas.alerts import Alert, TradingChange
from schemas.bus import Batch
from schemas.control import Limit
from schemas.events import Envelope, Header, Payload, encode
from schemas.orders import ExecType, ExecutionReport, OrderUpdate, Status
from schemas.portfolio import Lot, PositionUpdate
from schemas.risk import Audit
from schemas.times import DAY_NS, format_time
from sinks.records.tables import ALERTS, AUDIT, EXECUTIONS, LIMIT_CHANGES, ORDER_UPDATES, POSITIONS_DAILY, RECORDS
from sinks.records.types import Exact

START_NS = 1_767_571_200 * 1_000_000_000 + 123_456_789
"""2026-01-05."""
PARTITIONS = 3


@dataclass(frozen=True, slots=True)
class Written:
    """A record as it stands on the bus."""

    topic: str
    partition: int
    offset: int
    key: bytes
    value: bytes
    timestamp_ms: int = 1_767_571_200_000


def event(event_type: str, event_id: str, payload: Payload, time_ns: int = START_NS) -> bytes:
    header = Header(event_id, f"c-{event_id}", event_type, 2, format_time(time_ns), "test")
    return encode(Envelope(header, payload))


class World:
    """Makes events by chance. A record's partition is chance too, as after a topic got other partitions: only versions order them."""

    def __init__(self, seed: int, tag: str = "") -> None:
        self._random = random.Random(seed)
        self._tag = tag
        self._versions: dict[tuple[str, str], int] = {}
        self._ends: dict[tuple[str, int], int] = {}
        self.records: list[Written] = []

    def add(self, count: int) -> World:
        for _ in range(count):
            make = self._random.choice((self._order, self._order, self._execution, self._position, self._alert, self._trading, self._audit))
            make(START_NS + self._random.randrange(3 * DAY_NS))
            if self._random.random() < 0.1:
                self._limit()
            if self._random.random() < 0.15:  # said again after a crash
                again = self._random.choice(self.records)
                self.put(again.topic, again.value, again.key)
        return self

    def put(self, topic: str, value: bytes, key: bytes = b"", partition: int | None = None) -> None:
        part = self._random.randrange(PARTITIONS) if partition is None else partition
        offset = self._ends.get((topic, part), 0)
        self._ends[topic, part] = offset + self._random.choice((1, 1, 3))  # offsets have gaps
        self.records.append(Written(topic, part, offset, key, value))

    def _amount(self) -> Decimal:
        return Decimal(self._random.randrange(-(10**9), 10**9)).scaleb(-self._random.randrange(20))

    def _name(self) -> str:
        return self._random.choice("ABC")

    def _version(self, *key: str) -> int:
        name = ("/".join(key), "")
        self._versions[name] = self._versions.get(name, 0) + 1
        return self._versions[name]

    def _order(self, time_ns: int) -> None:
        account, order_id = self._name(), str(self._random.randrange(6))
        version = 0 if self._random.random() < 0.1 else self._version("order", account, order_id)
        update = OrderUpdate(
            order_id=order_id,
            account=account,
            symbol=self._random.choice(["X", "Y", None]),
            side=self._random.choice(["buy", "sell"]),
            status=self._random.choice(list(Status)),
            quantity=abs(self._amount()),
            price=self._random.choice([None, self._amount()]),
            user="ü𝄞",
            reason=self._random.choice([None, "a 'quoted' text\nof \\ two lines\t%s"]),
            version=version,
        )
        self.put("orders.updates", event("ORDER_PLACED", f"o{self._tag}{account}{order_id}|{version}|{len(self.records)}", update, time_ns))

    def _execution(self, time_ns: int) -> None:
        report = ExecutionReport(
            ExecType.FILL, self._name(), "X", "V", "1", str(len(self.records)), None, "buy", abs(self._amount()) + 1, self._amount(),
            fee=self._amount(), timestamp=time_ns,
        )  # fmt: skip
        self.put("orders.events", event("EXECUTION_REPORT", f"e{self._tag}{len(self.records)}", report, time_ns + 5))

    def _position(self, time_ns: int) -> None:
        account, symbol = self._name(), self._name()
        lots = (Lot(self._amount(), self._amount()),) * self._random.randrange(3)
        version = self._version("position", account, symbol)
        position = PositionUpdate(account, symbol, self._amount(), self._amount(), None, self._amount(), lots=lots, version=version)
        value = event("POSITION_UPDATE", f"p{self._tag}{account}{symbol}{version}", position, time_ns)
        self.put("portfolio.positions", value, f"{account}|{symbol}".encode())

    def _alert(self, time_ns: int) -> None:
        state: Literal["breach", "clear"] = self._random.choice(("breach", "clear"))
        number = len(self.records)
        alert = Alert(f"L|{number}", "L", "drawdown", "account:A", None, "A", state, self._random.random(), 0.1, number)
        kind = "RISK_LIMIT_BREACH" if state == "breach" else "RISK_LIMIT_CLEARED"
        self.put("risk.alerts", event(kind, f"a{self._tag}{number}", alert, time_ns))

    def _trading(self, time_ns: int) -> None:
        change = TradingChange("account", self._name(), "HALTED", "ACTIVE", "why", None)
        self.put("risk.alerts", event("TRADING_HALTED", f"t{self._tag}{len(self.records)}", change, time_ns))

    def _audit(self, time_ns: int) -> None:
        audit = Audit("control.limits/L", "set", "me", None, {"a": {"b": [1, 2.5, "é"]}}, None)
        self.put("audit", event("AUDIT", f"u{self._tag}{len(self.records)}", audit, time_ns))

    def _limit(self) -> None:
        if self._random.random() < 0.3:
            self.put("control.limits", b"", b"L1", 0)
        else:
            limit = Limit("L1", "position", "account", abs(self._amount()) + 1, account="A")
            bare = msgspec.json.encode(limit)
            self.put("control.limits", self._random.choice([bare, event("CONTROL_UPDATE", "l|same", limit)]), b"L1", 0)


def batches(records: Sequence[Written], sizes: Iterator[int]) -> Iterator[Batch]:
    """Records in this order, a batch at a time, each of one topic."""
    rest = list(records)
    while rest:
        topic, size = rest[0].topic, next(sizes)
        taken = [record for record in rest if record.topic == topic][:size]
        gone = set(taken)
        rest = [record for record in rest if record not in gone]
        yield batch_of(taken)


def batch_of(records: Sequence[Written]) -> Batch:
    data = b"".join(record.value for record in records)
    ends = np.cumsum([len(record.value) for record in records]).astype(np.int64)
    return Batch(
        topic=records[0].topic,
        data=np.frombuffer(data, np.uint8),
        ends=ends,
        partition=np.array([record.partition for record in records], np.int32),
        offset=np.array([record.offset for record in records], np.int64),
        timestamp_ms=np.array([record.timestamp_ms for record in records], np.int64),
        keys=[record.key for record in records],
    )


def stored(engine: Engine) -> dict[str, list[dict[str, Any]]]:
    """All rows of all tables, but for the number of the log."""
    with engine.connect() as connection:
        tables = {
            table.name: [dict(row) for row in connection.execute(select(table).order_by(*table.primary_key)).mappings()]
            for table in RECORDS
        }
    return {name: [{key: value for key, value in row.items() if key != "bus_log"} for row in rows] for name, rows in tables.items()}


_TABLES = {
    "orders.updates": ORDER_UPDATES,
    "orders.events": EXECUTIONS,
    "risk.alerts": ALERTS,
    "audit": AUDIT,
    "control.limits": LIMIT_CHANGES,
}
_NAMES = {
    "user_name": "user",
    "state_before": "before",
    "state_after": "after",
    "alert_key": "key",
    "clear_threshold": "clear",
    "time_window": "window",
}


def expected(records: Iterable[Written]) -> dict[str, list[dict[str, Any]]]:
    """What all tables hold after these records, whatever came first and how often."""
    first: dict[tuple[str, str], Written] = {}
    tables: dict[str, list[dict[str, Any]]] = {table.name: [] for table in RECORDS}
    for record in sorted(set(records), key=lambda each: (each.topic, each.partition, each.offset)):
        if record.topic == "control.limits":
            tables["limit_changes"].append(_row(record))
        else:
            first.setdefault((record.topic, _id_of(record)), record)
    orders: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    days: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for record in sorted(set(records), key=lambda each: (each.topic, each.partition, each.offset)):
        row = _row(record)
        if record.topic == "orders.updates" and row["version"]:
            orders.setdefault((row["account"], row["order_id"]), []).append(row)
        if record.topic == "portfolio.positions" and record.value:
            days.setdefault((row["account"], row["symbol"], row["day"]), []).append(row)
    for (topic, _), record in first.items():
        if topic in _TABLES:
            tables[_TABLES[topic].name].append(_row(record))
    tables["orders"] = [_latest(rows) | {"created_ns": min(row["time_ns"] for row in rows)} for rows in orders.values()]
    tables["positions_daily"] = [_latest(rows) for rows in days.values()]
    return tables


def shown(tables: dict[str, list[dict[str, Any]]]) -> dict[str, list[str]]:
    """Rows with their columns in one order, so that two can be compared and a difference be read."""
    return {name: sorted(repr(_ordered(row)) for row in rows) for name, rows in tables.items()}


def _ordered(value: Any) -> Any:
    if isinstance(value, dict):
        return [(name, _ordered(one)) for name, one in sorted(value.items())]
    return [_ordered(one) for one in value] if isinstance(value, list) else value


def _latest(rows: Iterable[dict[str, Any]]) -> dict[str, Any]:
    return max(rows, key=lambda row: (row["version"], row["bus_partition"], row["bus_offset"]))


def _id_of(record: Written) -> str:
    return str(msgspec.json.decode(record.value)["header"]["eventId"])


def _row(record: Written) -> dict[str, Any]:
    whole: dict[str, Any] = msgspec.json.decode(record.value) if record.value else {}
    header, payload = whole.get("header", {}), whole.get("payload", whole)
    table = POSITIONS_DAILY if record.topic == "portfolio.positions" else _TABLES[record.topic]
    names = [column.name for column in table.columns]
    row: dict[str, Any] = {name: payload.get(_camel(_NAMES.get(name, name))) for name in names if name != "bus_log"}
    for column in table.columns:
        if isinstance(column.type, Exact) and row[column.name] is not None:
            row[column.name] = Decimal(row[column.name])
    row |= {"bus_partition": record.partition, "bus_offset": record.offset}
    row["event_id"] = header.get("eventId")
    text = payload.get("timestamp") or header.get("timestamp")
    row["time_ns"] = _ns(text) if text else record.timestamp_ms * 1_000_000
    for name in {"event_type", "correlation_id", "source"} & row.keys():
        row[name] = header[_camel(name)]
    if record.topic == "control.limits":
        row |= {"limit_id": record.key.decode(), "removed": not record.value}
    if table is POSITIONS_DAILY and header:
        row["day"] = date.fromisoformat(header["timestamp"][:10])
    return row


def _ns(text: str | int) -> int:
    if isinstance(text, int):
        return text
    seconds = int(np.datetime64(text[:19], "s").astype(np.int64))
    return seconds * 1_000_000_000 + int(text[20:29])


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(word.capitalize() for word in rest)


def moved(records: Iterable[Written], by: int) -> list[Written]:
    """The same events at other places, as in another log."""
    return [replace(record, offset=record.offset + by) for record in records]
