"""*Effectively once*: whatever is killed, whenever, the distinct events are those of a run that nobody disturbed."""

from __future__ import annotations

import random
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from schemas.bus import Records
from schemas.partitioning import partition_of
from schemas.symbols import SYMBOLS
from schemas.tick_codec import encode_ticks
from schemas.times import SECOND_NS
from sources.simulator import Law, Simulator
from tests.engine.running import FAST, Watch, by_id, events, family, kill, run_market, start_market
from trademaster.bus import open_bus
from trademaster.settings import Settings
from trademaster.topic_settings import topic_settings

TICKS = 60_000
KILLS = 20
LIMIT = b'{"limitId":"band","rule":"price_band","scope":"firm","threshold":"0.001"}'


@pytest.fixture(scope="module", params=["embedded", pytest.param("kafka", marks=pytest.mark.kafka)])
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """URL of a bus with the ticks on it."""
    if request.param == "embedded":
        return f"embedded:{tmp_path_factory.mktemp('bus')}"
    return f"kafka://{request.getfixturevalue('own_topics_kafka').bootstrap}"


@pytest.fixture(scope="module")
def own_topics_kafka(request: pytest.FixtureRequest) -> Iterator[object]:
    """A broker of this module's own: flows write to topics whose names are fixed."""
    from tests.servers.kafka import own_server

    server = own_server()
    server.start()
    yield server
    server.close()


def fill(url: str) -> None:
    bus = open_bus(url)
    bus.create(topic_settings(Settings()))
    writer = bus.writer()
    writer.write(Records("control.limits", [0], [b"band"], [LIMIT]))
    market = Simulator(60, rate=2_000, seed=11, law=Law(zipf=0.4, volatility=(2.0, 4.0)))
    partitions = len(bus.partitions("market.ticks"))
    for rows in market.blocks(TICKS, 5_000):
        keys = [SYMBOLS.names[code].encode() for code in rows["symbol"].tolist()]
        writer.write(Records("market.ticks", [partition_of(key, partitions) for key in keys], keys, encode_ticks(rows)))
    end = int(rows["time"][-1]) + 120 * SECOND_NS
    beat = b'{"type":"heartbeat","timestamp":%d}' % end
    writer.write(Records("market.ticks", list(range(partitions)), [b""] * partitions, [beat] * partitions))
    writer.close()
    bus.close()


OUTPUTS = ("market.bars", "market.marks", "risk.alerts", "dead.letters")


def test_killed_again_and_again_the_events_are_the_same(place: str, tmp_path: Path) -> None:
    fill(place)
    run_market(place, tmp_path / "calm", 1, *FAST)
    calm = {topic: events(place, topic) for topic in OUTPUTS}
    already = {topic: len(found) for topic, found in calm.items()}
    rng = random.Random(5)
    kills = _disturb(place, tmp_path / "disturbed", rng)
    assert kills >= KILLS
    disturbed = {topic: events(place, topic) for topic in OUTPUTS}
    assert len(disturbed["market.bars"]) >= 2 * already["market.bars"], "the second run wrote everything again"
    for topic in ("market.bars", "risk.alerts", "dead.letters"):
        # by_id holds that no id has two contents, over both runs; the set of ids must not have grown.
        assert by_id(disturbed[topic]).keys() == by_id(calm[topic]).keys(), topic
    assert calm["risk.alerts"], "the bands were tried"
    by_id(disturbed["market.marks"])
    assert _last_marks(disturbed["market.marks"]) == _last_marks(calm["market.marks"])
    _assert_alternating(calm["risk.alerts"])


def _last_marks(marks: list[dict]) -> dict[str, dict]:  # type: ignore[type-arg]
    return {mark["payload"]["symbol"]: mark for mark in sorted(marks, key=lambda mark: mark["header"]["timestamp"])}


def _assert_alternating(alerts: list[dict]) -> None:  # type: ignore[type-arg]
    by_key: dict[str, list[tuple[int, str]]] = {}
    for alert in alerts:
        payload = alert["payload"]
        by_key.setdefault(payload["key"], []).append((payload["episode"], payload["state"]))
    for key, said in by_key.items():
        expected = [(episode, state) for episode in range(1, len(said) + 1) for state in ("breach", "clear")]
        assert said == expected[: len(said)], key


def _disturb(place: str, recovery: Path, rng: random.Random) -> int:
    """Run to the end with a kill whenever some more was written; the number of kills."""
    kills, watch = 0, Watch(place, ("market.bars", "market.marks"))
    try:
        while True:
            process = start_market(place, recovery, rng.choice([1, 2, 3]), *FAST)
            while kills < 2 * KILLS and watch.more(rng.randrange(1, 600), partial(_lives, process)):
                victim = rng.choice(family(process))
                kill(victim)
                kills += 1
                if victim == process.pid:
                    break
            if _outcome(process) == 0:
                return kills
    finally:
        watch.close()


def _lives(process: subprocess.Popen[bytes]) -> bool:
    return process.poll() is None


def _outcome(process: subprocess.Popen[bytes]) -> int:
    _, errors = process.communicate(timeout=240)
    assert process.returncode in (0, -9), errors.decode()
    return process.returncode
