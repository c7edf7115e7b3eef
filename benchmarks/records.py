"""What a record costs, from its bytes to its rows in SQL.

::

    batches of orders.updates, orders.events ──► store of the records, 1 process ──► SQLite, PostgreSQL
    5,000 records a transaction                                                      orders, order_updates, executions

Four updates and one fill an order. Rows, filled quantities and statuses are compared with what was made. The server's own work is
in the rate, not in the CPU.
"""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from decimal import Decimal
from pathlib import Path

import numpy as np
from sqlalchemy import text

from benchmarks.answers import WrongAnswer
from benchmarks.options import Options
from benchmarks.progress import note
from benchmarks.rows import Row
from schemas.bus import Batch
from schemas.events import Envelope, Header, Payload, encode
from schemas.orders import ExecType, ExecutionReport, OrderUpdate, Status
from schemas.store import Opening
from schemas.times import format_time
from sinks.records.engine import open_records_to_read
from sinks.sql import SqlStore
from tests.servers import ServerMissing, postgres

EVENTS = 100_000
_LIFE = (Status.PENDING_NEW, Status.NEW, Status.PARTIALLY_FILLED, Status.FILLED)
_BATCH = 5_000
_START_NS = 1_767_571_200_000_000_000


def run(options: Options) -> list[Row]:
    """A row a database."""
    orders = options.count(EVENTS) // (len(_LIFE) + 1)
    batches = list(_batches("orders.updates", _updates(orders))) + list(_batches("orders.events", _fills(orders)))
    rows = []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="trademaster-bench-")))
        urls = {"SQLite": f"sqlite:///{folder / 'records.db'}"}
        try:
            urls["PostgreSQL"] = _postgres(stack).new_database()
        except ServerMissing as error:
            note(f"PostgreSQL is left out: {error}")
        for name, url in urls.items():
            rows.append(Row(f"{name}, new", _measured(url, batches, orders)))
            rows.append(Row(f"{name}, all of it again", _measured(url, batches, orders)))
    return rows


def _postgres(stack: ExitStack) -> postgres.PostgresAddress:
    return postgres.given() or stack.enter_context(postgres.own_server()).address


def _measured(url: str, batches: list[Batch], orders: int) -> dict[str, float]:
    store = SqlStore(url, Opening("benchmark", 0, threading.Event()), max_rows=_BATCH, max_wait_s=0.0)
    began_s, cpu_s = time.perf_counter(), time.process_time()
    for batch in batches:
        if rejects := store.write(batch):
            raise WrongAnswer(f"expected no dead letters, found {rejects[0].detail}")
    store.flush()
    took_s, cpu_s = time.perf_counter() - began_s, time.process_time() - cpu_s
    store.close()
    _check(url, orders)
    events = sum(map(len, batches))
    return {"events": events, "events_per_s": events / took_s, "cpu_us_event": cpu_s * 1e6 / events}


def _check(url: str, orders: int) -> None:
    engine = open_records_to_read(url)
    add = "sum" if engine.dialect.name == "postgresql" else "decimal_sum"
    with engine.connect() as connection:
        found = [
            connection.execute(text(f"SELECT count(*), {add}({column}) FROM {table}")).one()
            for table, column in (("orders", "filled_quantity"), ("order_updates", "quantity"), ("fills", "quantity"))
        ]
        filled = connection.execute(text("SELECT count(*) FROM orders WHERE status = 'FILLED' AND version = 4")).scalar()
    engine.dispose()
    quantity = sum(map(_quantity, range(orders)), Decimal(0))
    expected = [(orders, quantity), (len(_LIFE) * orders, len(_LIFE) * quantity), (orders, quantity)]
    if [(count, Decimal(total)) for count, total in found] != expected or filled != orders:
        raise WrongAnswer(f"expected rows and quantities {expected}, found {found}, {filled} filled")


def _quantity(order: int) -> Decimal:
    return Decimal(1 + order % 997).scaleb(-(order % 4))


def _updates(orders: int) -> Iterator[bytes]:
    for order in range(orders):
        for version, status in enumerate(_LIFE, 1):
            filled = _quantity(order) if status is Status.FILLED else Decimal(0)
            update = OrderUpdate(
                order_id=f"O{order}", account=f"ACC{order % 100:03d}", symbol=f"SYM{order % 300:04d}", side="buy", status=status,
                quantity=_quantity(order), price=Decimal("100.01"), filled_quantity=filled, version=version,
            )  # fmt: skip
            yield _event(f"order|O{order}|{version}", "ORDER_PLACED", update, order * 1_000 + version)


def _fills(orders: int) -> Iterator[bytes]:
    for order in range(orders):
        report = ExecutionReport(
            ExecType.FILL, f"ACC{order % 100:03d}", f"SYM{order % 300:04d}", "XNAS", f"O{order}", f"E{order}", None, "buy",
            _quantity(order), Decimal("100.01"), fee=Decimal("0.35"),
        )  # fmt: skip
        yield _event(f"exec|E{order}", "EXECUTION_REPORT", report, order * 1_000)


def _event(event_id: str, event_type: str, payload: Payload, after_ns: int) -> bytes:
    return encode(Envelope(Header(event_id, event_id, event_type, 2, format_time(_START_NS + after_ns), "benchmark"), payload))


def _batches(topic: str, values: Iterator[bytes]) -> Iterator[Batch]:
    every = list(values)
    for start in range(0, len(every), _BATCH):
        some = every[start : start + _BATCH]
        count, ends = len(some), np.cumsum([len(value) for value in some]).astype(np.int64)
        data = np.frombuffer(b"".join(some), np.uint8)
        offsets = np.arange(start, start + count, dtype=np.int64)
        yield Batch(topic, data, ends, np.zeros(count, np.int32), offsets, np.full(count, _START_NS // 1_000_000, np.int64))
