"""Whatever a server or a network does, the bucket holds the events in the end, and the log says it once."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Callable, Iterator, MutableMapping, Sequence
from typing import Any

import numpy as np
import pytest
import structlog

from schemas.dead_letters import Reason, Reject
from schemas.errors import StoreError, StoreInterrupted
from schemas.market_codec import encode_marks
from schemas.market_frames import MARK
from schemas.store import Opening, Store
from schemas.symbols import SYMBOLS
from schemas.times import parse_time
from sinks.influx.outbox import Limits
from sinks.influx.requests import Target, Verdict, read_answer, retry_after_s
from sinks.influxdb import InfluxStore
from tests.servers.influxdb import InfluxAddress, InfluxServer
from tests.servers.influxdb_1 import Influx1Server
from tests.servers.prometheus import PromqlAddress
from tests.sinks.influxdb_proxy import Fault, faulty_proxy
from tests.sinks.stored_points import batch_of, compact, event, expected, stored

Said = Sequence[MutableMapping[str, Any]]

START_NS = 1_767_366_245_000_000_000
LIMITS = Limits(request_points=200, wait_s=0.02, buffer_points=2_000, senders=2)


def marks(count: int, seed: int = 1) -> list[bytes]:
    """Marks of a few symbols, some of which come in one nanosecond."""
    rng = np.random.default_rng(seed)
    rows = np.zeros(count, MARK)
    rows["symbol"] = [SYMBOLS.code(f"S{at}") for at in rng.integers(0, 20, count)]
    rows["time"] = START_NS + np.sort(rng.integers(0, 1 + count // 4, count))
    for name in ("price", "bid", "ask", "size", "day_volume", "ewma_variance", "realized_variance"):
        rows[name] = rng.random(count)
    rows["sequence"] = np.arange(count)
    seen: dict[tuple[int, int], int] = {}
    for at, key in enumerate(zip(rows["symbol"].tolist(), rows["time"].tolist(), strict=True)):
        rows["repeat"][at] = seen[key] = seen.get(key, -1) + 1
    return list(encode_marks(rows)[1])


def wanted(values: Sequence[bytes], topic: str = "market.marks") -> Any:
    return expected((topic, json.loads(value)) for value in values)


def opened(target: InfluxAddress, bucket: str, *, url: str = "", stopping: threading.Event | None = None, limits: Limits = LIMITS) -> Store:
    to = Target(url or target.url, target.org, bucket, target.token, timeout_s=10)
    return InfluxStore(to, limits, Opening("log", 0, stopping or threading.Event()))


def write(store: Store, values: Sequence[bytes], topic: str = "market.marks", each: int = 150) -> list[Reject]:
    rejects: list[Reject] = []
    for start in range(0, len(values), each):
        rejects += store.write(batch_of(topic, values[start : start + each], offset=start))
    return [*rejects, *store.flush()]


@pytest.fixture
def said() -> Iterator[Said]:
    """What was logged."""
    with structlog.testing.capture_logs() as entries:
        yield entries


def troubles(said: Said) -> list[str]:
    return [f"{entry['log_level']}: {entry['event']}" for entry in said]


OUT, BACK = "warning: InfluxDB does not take points", "info: InfluxDB takes points again"
BUSY = Fault(503)
FAULTS: dict[str, Callable[[int], Fault | None]] = {
    "503": lambda number: BUSY if number < 6 else None,
    "429": lambda number: Fault(429, {"Retry-After": "1"}) if number in (0, 5) else None,
    "401": lambda number: Fault(401, body=b'{"code":"unauthorized","message":"unauthorized access"}') if number < 6 else None,
    "half a batch, then 503": lambda number: Fault(503, share=0.5) if number % 3 == 0 else None,
    "all of a batch, then cut": lambda number: Fault(share=1.0) if number % 2 == 0 else None,
    "cut": lambda number: Fault() if number % 3 < 2 else None,
    "a proxy's 400": lambda number: (
        Fault(400, body=b"<html>400 The plain HTTP request was sent to HTTPS port</html>") if number < 4 else None
    ),
    "too large": lambda number: Fault(413) if number < 3 else None,
}


@pytest.mark.parametrize("name", FAULTS)
def test_after_each_fault_the_bucket_holds_the_events(influxdb: InfluxAddress, said: Said, name: str) -> None:
    values, bucket = marks(1_500), influxdb.new_bucket()
    with faulty_proxy(influxdb.url) as proxy:
        proxy.fault = FAULTS[name]
        store = opened(influxdb, bucket, url=proxy.url)
        try:
            assert not write(store, values)
        finally:
            store.close()
    assert stored(influxdb, bucket) == wanted(values)
    assert troubles(said) == ([] if name == "too large" else [OUT, BACK]), said
    assert all(entry.get("hint") for entry in said if entry["log_level"] == "warning")


def test_faults_by_chance(influxdb: InfluxAddress, said: Said) -> None:
    values, bucket, rng = marks(3_000, 3), influxdb.new_bucket(), random.Random(8)
    choices = [None, None, None, BUSY, Fault(503, share=0.5), Fault(share=1.0), Fault(), Fault(500), Fault(502, body=b"bad gateway")]
    with faulty_proxy(influxdb.url) as proxy:
        proxy.fault = lambda number: rng.choice(choices) if number < 30 else None
        store = opened(influxdb, bucket, url=proxy.url)
        try:
            assert not write(store, values)
        finally:
            store.close()
    assert stored(influxdb, bucket) == wanted(values)
    assert troubles(said)[:1] == [OUT]
    assert len(said) <= 2, "what comes back within a minute is not told again"


def test_retry_after_is_honoured_by_all_senders(influxdb: InfluxAddress) -> None:
    values, bucket = marks(1_000), influxdb.new_bucket()
    with faulty_proxy(influxdb.url) as proxy:
        proxy.fault = lambda number: Fault(429, {"Retry-After": "2"}) if number == 0 else None
        store = opened(influxdb, bucket, url=proxy.url)
        try:
            write(store, values)
        finally:
            store.close()
        # A request of the other sender may have been under way.
        after = [when - proxy.times_s[0] for when in proxy.times_s[1:]]
        assert sum(wait < 1.9 for wait in after) <= 1, after
        assert min(wait for wait in after if wait >= 1.9) < 6.0
    assert stored(influxdb, bucket) == wanted(values)


def test_bad_lines_are_found_and_dead_lettered_and_the_others_stored(influxdb: InfluxAddress) -> None:
    """A field of another type than it has in the bucket: what InfluxDB alone can know."""
    bucket, rng = influxdb.new_bucket(), random.Random(5)
    bad = set(rng.sample(range(600), 7))
    values = [compact(health(at, "x" if at in bad else at + 0.5)) for at in range(600)]
    with faulty_proxy(influxdb.url) as proxy:
        store = opened(influxdb, bucket, url=proxy.url, limits=Limits(200, 0.02, 2_000, 1))
        try:
            write(store, values[:1] if 0 not in bad else [compact(health(700, 1.5))], "system.health")
            rejects = write(store, values, "system.health")
        finally:
            store.close()
        assert len(proxy.times_s) < 150, "a bad line is found by halves"
    assert sorted(reject.offset for reject in rejects) == sorted(bad)
    for found in rejects:
        assert found.reason is Reason.UNSTORABLE
        assert "field type conflict" in found.detail
        assert "dropped" not in found.detail
        assert found.payload == values[found.offset]
    times = {point[2] for point in stored(influxdb, bucket)}
    assert {START_NS + at for at in range(600) if at not in bad} <= times
    assert not {START_NS + at for at in bad} & times


def health(at: int, load: float | str) -> dict[str, Any]:
    return event("system.health", "SERVICE_HEALTH_CHECK", f"h{at}", START_NS + at, {"service": "gateway", "load": load})


def test_points_older_than_the_bucket_keeps_are_dead_lettered_at_once(influxdb: InfluxAddress) -> None:
    org = influxdb.ask("GET", f"/api/v2/orgs?org={influxdb.org}")["orgs"][0]["id"]
    bucket = influxdb.new_bucket() + "-short"
    rules = [{"type": "expire", "everySeconds": 3600}]
    influxdb.ask("POST", "/api/v2/buckets", {"orgID": org, "name": bucket, "retentionRules": rules})
    now_ns = time.time_ns()
    times = [10**18 + at if at < 300 else now_ns + at for at in range(400)]
    values = [compact(event("system.health", "X", f"h{at}", when, {"service": "s", "load": at})) for at, when in enumerate(times)]
    with faulty_proxy(influxdb.url) as proxy:
        store = opened(influxdb, bucket, url=proxy.url)
        try:
            rejects = write(store, values, "system.health", each=100)
        finally:
            store.close()
        assert len(proxy.times_s) < 20, "not one by one"
    assert sorted(found.offset for found in rejects) == list(range(300))
    assert len({found.detail for found in rejects}) == 1, "a dead letter says the same each time"


def test_what_is_no_event_is_dead_lettered_and_tombstones_are_passed_over(influxdb: InfluxAddress) -> None:
    bucket, good = influxdb.new_bucket(), marks(3)
    store = opened(influxdb, bucket)
    try:
        rejects = write(store, [b"{", good[0], b"", b'{"header":{}}', good[1], good[2]])
    finally:
        store.close()
    assert [(found.offset, found.reason) for found in rejects] == [(0, Reason.MALFORMED), (3, Reason.MISSING_FIELD)]
    assert stored(influxdb, bucket) == wanted(good)


def test_a_server_that_is_down_for_a_while(own_influxdb: InfluxServer, said: Said) -> None:
    values, bucket = marks(4_000, 7), own_influxdb.address.new_bucket()
    store = opened(own_influxdb.address, bucket)
    try:
        write(store, values[:1_000])
        own_influxdb.kill()
        writing = threading.Thread(target=write, args=(store, values[1_000:]))
        writing.start()
        assert_waits(writing)
        own_influxdb.start()
        writing.join(60)
        assert not writing.is_alive()
    finally:
        store.close()
    assert stored(own_influxdb.address, bucket) == wanted(values)
    assert troubles(said) == [OUT, BACK]


def assert_waits(thread: threading.Thread) -> None:
    """It is kept waiting: it does not end by itself."""
    thread.join(1.0)
    assert thread.is_alive(), "more was taken than the bound of the buffer"


def test_a_bucket_that_is_deleted_and_made_again(influxdb: InfluxAddress, said: Said) -> None:
    values, bucket = marks(4_000, 9), influxdb.new_bucket()
    [found] = influxdb.ask("GET", f"/api/v2/buckets?name={bucket}")["buckets"]
    store = opened(influxdb, bucket)
    try:
        write(store, values[:500])
        influxdb.ask("DELETE", f"/api/v2/buckets/{found['id']}")
        writing = threading.Thread(target=write, args=(store, values[500:]))
        writing.start()
        assert_waits(writing)
        influxdb.ask("POST", "/api/v2/buckets", {"orgID": found["orgID"], "name": bucket, "retentionRules": []})
        writing.join(60)
        assert not writing.is_alive()
    finally:
        store.close()
    assert stored(influxdb, bucket) == wanted(values[500:]), "what was in the bucket went with it"
    assert troubles(said) == [OUT, BACK]
    assert "not found" in said[0]["found"]
    assert "trademaster setup influxdb" in said[0]["hint"]


def test_a_run_that_stops_while_the_server_is_out_of_reach(own_influxdb: InfluxServer) -> None:
    stopping, bucket = threading.Event(), own_influxdb.address.new_bucket()
    store = opened(own_influxdb.address, bucket, stopping=stopping)
    own_influxdb.kill()
    raised: list[BaseException] = []

    def run() -> None:
        try:
            write(store, marks(5_000))
        except StoreInterrupted as error:
            raised.append(error)

    writing = threading.Thread(target=run)
    writing.start()
    assert_waits(writing)
    stopping.set()
    writing.join(10)
    assert not writing.is_alive()
    assert raised
    store.close()


def test_the_buffer_is_bounded(influxdb: InfluxAddress) -> None:
    """The server takes nothing: no more is taken from the bus than the bound and one batch."""
    taken = 0
    with faulty_proxy(influxdb.url) as proxy:
        proxy.fault = lambda _: BUSY
        stopping = threading.Event()
        store = opened(influxdb, influxdb.new_bucket(), url=proxy.url, stopping=stopping)

        def feed() -> None:
            nonlocal taken
            for start in range(0, 10_000, 150):
                store.write(batch_of("market.marks", values[start : start + 150], offset=start))
                taken = start + 150

        def feed_until_stopped() -> None:
            with pytest.raises(StoreInterrupted):
                feed()

        values = marks(10_000)
        feeding = threading.Thread(target=feed_until_stopped)
        feeding.start()
        assert_waits(feeding)
        assert taken <= LIMITS.buffer_points
        stopping.set()
        feeding.join(10)
        store.close()


def test_a_lone_point_does_not_wait_for_a_full_request(influxdb: InfluxAddress) -> None:
    bucket, values = influxdb.new_bucket(), marks(1)
    store = opened(influxdb, bucket)
    try:
        store.write(batch_of("market.marks", values))
        deadline = time.monotonic() + 10
        while stored(influxdb, bucket) != wanted(values):
            assert time.monotonic() < deadline, "nothing came without a flush"
    finally:
        store.close()


def test_influxdb_1_8_takes_the_same_lines(influxdb_1: Influx1Server) -> None:
    database, values = influxdb_1.new_database(), marks(1_500)
    bad = compact(health(7, "x"))
    store = InfluxStore(Target(influxdb_1.url, "", f"{database}/autogen", "user:password"), LIMITS, Opening("log", 0, threading.Event()))
    try:
        assert not write(store, values)
        assert not write(store, [compact(health(at, 1.5)) for at in range(5)], "system.health")
        [refused] = write(store, [compact(health(6, 1.5)), bad, compact(health(8, 1.5))], "system.health")
    finally:
        store.close()
    assert (refused.reason, refused.payload) == (Reason.UNSTORABLE, bad)
    rows = [row for one in influxdb_1.series(database, "SELECT sequence FROM market_marks GROUP BY *") for row in one["values"]]
    said = [json.loads(value) for value in values]
    times = [parse_time(one["header"]["timestamp"]) for one in said]
    assert sorted((row[0], row[1]) for row in rows) == sorted(zip(times, (one["payload"]["sequence"] for one in said), strict=True))
    [counted] = influxdb_1.series(database, "SELECT count(load) FROM system_health")
    assert counted["values"][0][1] == 7


def test_victoriametrics_takes_the_same_lines(victoriametrics: PromqlAddress) -> None:
    when_ns = time.time_ns() // 10**9 * 10**9
    values = [compact(event("system.health", "X", "v", when_ns, {"service": f"vm{when_ns}", "load": 2.5}))]
    store = InfluxStore(Target(victoriametrics.url, "", "any", ""), LIMITS, Opening("log", 0, threading.Event()))
    try:
        assert not write(store, values, "system.health")
    finally:
        store.close()
    query, deadline = f'system_health_load{{service="vm{when_ns}"}}', time.monotonic() + 20
    while not (rows := victoriametrics.rows(query, at_s=when_ns / 1e9 + 1)):
        assert time.monotonic() < deadline, "it shows new points after a second"
    assert float(rows[0]["value"][1]) == 2.5


def test_answers_mean_what_they_say() -> None:
    assert retry_after_s("7") == 7
    assert retry_after_s("Thu, 01 Jan 1970 00:00:00 GMT") == 0
    assert retry_after_s("soon") == 0
    assert retry_after_s("999999999") == 600
    assert read_answer(204, "", b"").verdict is Verdict.TAKEN
    assert read_answer(400, "", b'{"error":"partial write: x dropped=3"}').dropped == 3
    assert read_answer(400, "", b'{"error":"unable to parse"}').verdict is Verdict.BAD
    assert read_answer(400, "", b"no").verdict is Verdict.SETUP
    with pytest.raises(StoreError, match=r"influx.example"):
        InfluxStore(Target("influx.example", "", "b", ""), LIMITS, Opening("log", 0, threading.Event()))
