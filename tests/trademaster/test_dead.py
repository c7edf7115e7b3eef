"""``trademaster dead``, on both buses: what is written back, what is recorded, what is refused."""

from __future__ import annotations

import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from schemas.bus import Bus
from schemas.dead_letters import Reason
from schemas.events import Place
from tests.conftest import KafkaAddress, _started
from tests.engine.running import command
from tests.servers.kafka import STEADY_SESSION_MS, own_server
from tests.trademaster.dead_desk import SEEN_NS, Desk
from trademaster.bus import open_bus
from trademaster.bus.reading import read_to_end
from trademaster.bus.records import records_at
from trademaster.cli import execute
from trademaster.dead.choosing import choose
from trademaster.dead.deciding import discard
from trademaster.dead.decisions import Fates, Said, decide, write_decisions
from trademaster.dead.letters import Filter
from trademaster.settings import Settings
from trademaster.topic_settings import topic_settings

BAD = b'{"header":{"eventId":"e1"},\n "payload":{"account":"A","price":1.10}}'
HEADERS = (("trace", b"t-1"), ("trace", None), ("\xe9", b"\xff\x00"))


@pytest.fixture(scope="module")
def broker() -> Iterator[KafkaAddress]:
    """A broker of this file: topics have fixed names."""
    with _started(lambda: own_server(session_ms=STEADY_SESSION_MS)) as server:
        yield KafkaAddress(server.bootstrap)


@pytest.fixture(params=["embedded", pytest.param("kafka", marks=pytest.mark.kafka)])
def bus(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bus]:
    is_kafka = request.param == "kafka"
    opened = open_bus(f"kafka://{request.getfixturevalue('broker').bootstrap}" if is_kafka else f"embedded://{tmp_path}/bus")
    opened.create(topic_settings(Settings()))
    yield opened
    opened.close()


@pytest.fixture
def desk(bus: Bus, capsys: pytest.CaptureFixture[str]) -> Desk:
    return Desk(bus, headers=bus.url.startswith("kafka:"), capsys=capsys)


def test_a_retry_writes_the_record_as_it_was_and_says_so(desk: Desk) -> None:
    place, name = desk.refused("orders.events", BAD, key=b"order-7", partition=3, headers=HEADERS)
    assert desk.states() == {name: "open"}
    written = Place("orders.events", 3, desk.bus.state("orders.events").end[3])
    (said,) = desk.call("retry", name, "--reason", "fixed the reader", "--user", "ann")
    assert (said["done"], said["topic"], said["partition"], said["key"]) == ("retried", "orders.events", 3, "order-7")
    first, second = (records_at(desk.bus, [at])[at] for at in (place, written))
    assert (second.key, second.value) == (first.key, first.value) == (b"order-7", BAD)
    if desk.headers:
        event_id = f"dead|{name}|{desk.source}".encode()
        assert second.headers == (*HEADERS, ("trademaster-retry", b"1"), ("trademaster-dead-letter", event_id))
    assert desk.states() == {}
    assert desk.states("--all") == {name: "retried"}
    begun, ended = desk.audit()
    assert [entry["after"]["state"] for entry in (begun, ended)] == ["retrying", "retried"]
    assert {(entry["user"], entry["reason"]) for entry in (begun, ended)} == {("ann", "fixed the reader")}


def test_a_second_retry_is_refused_unless_again_and_counts(desk: Desk) -> None:
    bad = BAD + desk.source.encode()  # tries are counted by content
    _, name = desk.refused("orders.events", bad, partition=1)
    desk.call("retry", name)
    before = desk.ends()
    (refused,) = desk.call("retry", name, code=1)
    assert (refused["done"], "already" in refused["refused"], "--again" in refused["hint"]) == (None, True, True)
    assert desk.ends() == before
    at = Place("orders.events", 1, before["orders.events"][1])
    (said,) = desk.call("retry", name, "--again")
    assert said["done"] == "retried"
    written = records_at(desk.bus, [at])[at]
    assert written.value == bad
    # Refused once more, at its new place: the count goes on.
    again = desk.refuse(at, bad)
    third = Place("orders.events", 1, desk.bus.state("orders.events").end[1])
    desk.call("retry", again)
    if desk.headers:
        assert [dict(record.headers)["trademaster-retry"] for record in (written, records_at(desk.bus, [third])[third])] == [b"2", b"3"]


def test_a_discard_is_recorded_and_final(desk: Desk) -> None:
    _, kept = desk.refused("orders.events", BAD)
    _, name = desk.refused("orders.events", BAD)
    before = desk.ends()["orders.events"]
    assert [line["done"] for line in desk.call("discard", name, "--reason", "a test of theirs")] == ["discarded"]
    assert desk.states() == {kept: "open"}
    assert desk.states("--all") == {kept: "open", name: "discarded"}
    assert [line["done"] for verb in ("discard", "retry") for line in desk.call(verb, name, code=1)] == [None, None]
    assert desk.ends()["orders.events"] == before
    (entry,) = desk.audit()
    assert (entry["before"]["state"], entry["after"]["state"], entry["reason"]) == ("open", "discarded", "a test of theirs")
    (shown,) = desk.call("show", name)
    assert [(decision["state"], decision["reason"]) for decision in shown["decisions"]] == [("discarded", "a test of theirs")]


def test_of_an_array_only_the_refused_element_goes_back(desk: Desk) -> None:
    elements = [b'{"type":"trade","symbol":"A","price":%d}' % price for price in (1, -2, 3)]
    place = desk.put("market.ticks", b"[" + b", ".join(elements) + b"]", key=b"A", partition=2)
    name = desk.refuse(place, elements[1], Reason.NEGATIVE_PRICE, index=1)
    at = Place("market.ticks", 2, place.offset + 1)
    desk.call("retry", name)
    written = records_at(desk.bus, [at])[at]
    assert (written.key, written.value) == (b"A", elements[1])


def test_filters_and_counts_agree(desk: Desk) -> None:
    rows = [
        ("orders.events", Reason.ORPHAN, b"k1", 0),
        ("orders.events", Reason.MALFORMED, b"k2", 1),
        ("market.ticks", Reason.LATE, b"k1", 2),
    ]
    names = []
    for topic, reason, key, second in rows:
        place = desk.put(topic, b'{"n":%d}' % second, key=key)
        names.append(desk.refuse(place, b'{"n":%d}' % second, reason, seen_ns=SEEN_NS + second * 10**9))
    chosen = {
        (): names,
        ("--topic", "orders.events"): names[:2],
        ("--rejected-for", "late", "--rejected-for", "orphan"): [names[0], names[2]],
        ("--key", "k1"): [names[0], names[2]],
        ("--from", str(SEEN_NS + 10**9)): names[1:],
        ("--to", str(SEEN_NS + 10**9)): names[:1],
        ("--topic", "market.ticks", "--key", "k2"): [],
    }
    for arguments, wanted in chosen.items():
        lines = desk.call("list", *arguments)
        assert [line["letter"] for line in lines if line["kind"] == "letter"] == wanted, arguments
        counted = Counter({line["reason"]: line["letters"] for line in lines if line["kind"] == "count"})
        assert counted == Counter(str(reason) for (_, reason, _, _), name in zip(rows, names, strict=True) if name in wanted)
    assert list(desk.states("--limit", "1")) == names[2:]


def test_many_are_asked_about_first_and_a_dry_run_writes_nothing(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    names = [desk.refused("orders.events", BAD)[1] for _ in range(3)]
    before = desk.ends()
    for verb in ("retry", "discard"):
        capsys.readouterr()
        assert execute(["dead", verb, "--source", desk.source, "--bus", desk.bus.url]) == 2
        assert "--yes" in capsys.readouterr().err
        assert {line["done"] for line in desk.call(verb, "--dry-run")} == {"retried" if verb == "retry" else "discarded"}
    assert desk.ends() == before
    assert desk.call("retry", "--yes", "--limit", "2")[0]["done"] == "retried"
    assert desk.states() == {names[2]: "open"}


def test_a_retry_that_was_cut_short_is_neither_open_nor_done(desk: Desk) -> None:
    _, name = desk.refused("orders.events", BAD)
    fates = Fates(desk.bus)
    fates.refresh()
    (letter,) = choose(desk.bus, fates, Filter(source=desk.source), None, decided=False).letters
    begun = decide(letter, fates.fate(letter.key), "retrying", Said("bob", None))
    write_decisions(desk.bus, [(letter, fates.fate(letter.key), begun)])  # and here its process was killed
    assert desk.states() == {name: "retrying"}
    (refused,) = desk.call("retry", name, code=1)
    assert "bob" in refused["refused"]
    assert desk.call("retry", name, "--again")[0]["done"] == "retried"
    assert desk.states() == {}


def test_of_two_people_one_decides(desk: Desk) -> None:
    _, name = desk.refused("orders.events", BAD)
    both = [Fates(desk.bus), Fates(desk.bus)]
    for fates in both:
        fates.refresh()
    (letter,) = choose(desk.bus, both[0], Filter(source=desk.source), None, decided=False).letters
    done = [next(discard(fates, [letter], Said(f"user-{at}", None))) for at, fates in enumerate(both)]
    assert [outcome.done for outcome in done] == ["discarded", None]
    (shown,) = desk.call("show", name)
    assert [decision["user"] for decision in shown["decisions"]] == ["user-0"]


def test_what_a_newer_record_replaced_does_not_come_back(desk: Desk) -> None:
    key = desk.source.encode()
    _, old = desk.refused("control.limits", b'{"old":1}', key=key)
    (refused,) = desk.call("retry", old, "--dry-run")
    assert refused["done"] == "retried"
    desk.write("control.limits", 0, key, b'{"new":1}')
    (refused,) = desk.call("retry", old, code=1)
    assert "newer" in refused["refused"]


def test_a_row_of_a_file_can_only_be_discarded_and_comes_back_with_its_file(desk: Desk) -> None:
    place = Place("file:trades.csv", 0, 17)
    name = desk.refuse(place, b"a,b")
    (refused,) = desk.call("retry", name, code=1)
    assert "file" in refused["refused"]
    desk.call("discard", name)
    assert desk.states() == {}
    desk.refuse(place, b"a,b", seen_ns=SEEN_NS + 1)
    assert desk.states() == {name: "open"}


def test_what_is_not_kept_is_placed_by_what_it_says_or_refused(desk: Desk) -> None:
    nowhere = Place("orders.events", 0, 10**9)
    said = b'{"header":{"eventId":"e","eventType":"EXECUTION_REPORT"},"payload":{"symbol":"AMZN","orderId":"7"}}'
    _, other = desk.refused("orders.events", BAD)
    placed, empty = desk.refuse(nowhere, said), desk.refuse(Place("orders.events", 0, 10**9 + 1), b"garbage")
    assert desk.call("retry", placed)[0]["key"] == "7"
    (refused,) = desk.call("retry", empty, code=1)
    assert "names no key" in refused["refused"]
    # A record that is another one, because the topic was made anew, is not taken for the refused one.
    stranger = desk.refuse(Place("orders.events", 0, int(other.rpartition("-")[2])), said, seen_ns=SEEN_NS + 1)
    assert {line["key"] for line in desk.call("show", stranger) if line["source"] == desk.source} == {"K", None}


def test_show_has_the_headers_and_the_bytes(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    value = b'{"a":"\xff"'
    _, name = desk.refused("orders.events", value, headers=HEADERS)
    shown = subprocess.run(command("dead", "show", name, "--payload", "--bus", desk.bus.url), capture_output=True, check=True)
    assert shown.stdout == value
    capsys.readouterr()
    assert execute(["dead", "show", name, "--bus", desk.bus.url]) == 0
    text = capsys.readouterr().out
    assert ("trace: t-1" in text) == desk.headers
    assert "expected better" in text
    assert execute(["dead", "show", "orders.events-0-99999999", "--bus", desk.bus.url]) == 2


def test_a_flow_that_says_it_again_makes_no_second_letter(desk: Desk) -> None:
    place, name = desk.refused("orders.events", BAD)
    desk.refuse(place, BAD)
    assert [line["letters"] for line in desk.call("list") if line["kind"] == "count"] == [1]
    desk.call("discard", name)
    desk.refuse(place, BAD)
    assert desk.states() == {}


def test_records_that_are_no_letters_are_counted(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    before = sum(len(batch) for batch in read_to_end(desk.bus, "dead.letters"))
    desk.write("dead.letters", 0, b"", b"nonsense")
    capsys.readouterr()
    assert execute(["dead", "list", "--bus", desk.bus.url]) == 0
    assert "no letters" in capsys.readouterr().err
    assert before + 1 == sum(len(batch) for batch in read_to_end(desk.bus, "dead.letters"))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["list", "--rejected-for", "lat"], "late"),
        (["retry"], "dead list"),
        (["discard", "--yes"], "dead list"),
        (["list", "--from", "yesterday"], "--from"),
        (["discard", "no-such-letter"], "no-such-letter"),
    ],
)
def test_wrong_usage_says_what_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], says: str) -> None:
    url = f"embedded://{tmp_path}/bus"
    bus = open_bus(url)
    bus.create(topic_settings(Settings()))
    bus.close()
    assert execute(["dead", *arguments, "--bus", url]) == 2
    assert says in capsys.readouterr().err


def test_two_programs_at_once_write_each_record_back_once(desk: Desk) -> None:
    values = [b'{"of":"%s","n":%d}' % (desk.source.encode(), number) for number in range(200)]
    desk.refuse_all("orders.events", 5, values)
    before = desk.bus.state("orders.events").end[5]
    arguments = command("dead", "retry", "--source", desk.source, "--yes", "--bus", desk.bus.url)
    both = [subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    said = [process.communicate(timeout=120) for process in both]
    written = [value for batch in read_to_end(desk.bus, "orders.events", {5: before}) for value in batch.values() if value in values]
    assert sorted(written) == sorted(values), said
    assert sum(out.count("retried") for out, _ in said) == len(values)
    assert desk.states() == {}
