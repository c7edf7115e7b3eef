"""Letters that real flows make lead back to the bytes that were refused; and however people's decisions fall, one of them holds."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.bus import Bus, Records
from tests.engine.running import create_topics, run_market
from trademaster.bus import open_bus
from trademaster.dead.choosing import choose
from trademaster.dead.decisions import OPEN, Decision, Fate, Fates, ended
from trademaster.dead.letters import Filter, LetterKey
from trademaster.dead.originals import Retries, Retry

T0 = 1340285400 * 10**9
SYMBOL = b"A"


def tick(second: int, price: object, **more: object) -> bytes:
    # Spaces and a field of somebody's own: what comes back must be these bytes, not our spelling of them.
    spelled = {"type": "trade", "symbol": "A", "timestamp": T0 + second * 10**9, "price": price, "size": 1, "theirs": "x", **more}
    return json.dumps(spelled).encode()


BAD = {
    "malformed": b'{"type": "trade", ',
    "late": tick(0, 7),
    "negative_price": tick(12, -1, sequence=3),
    "number": tick(13, "many"),
}
LIMIT = b'{"header":{"eventId":"l"}, "payload":{"limitId":"x"}}'


@pytest.fixture
def bus(tmp_path: Path) -> Bus:
    """After the market flow has read good ticks among bad ones, alone and in an array."""
    url = f"embedded://{tmp_path}/bus"
    create_topics(url)
    opened = open_bus(url)
    writer = opened.writer()
    array = b"[" + b" , ".join([tick(20, 5), BAD["negative_price"], tick(21, 6), BAD["late"]]) + b"]"
    values = [tick(1, 1.5), tick(10, 2), BAD["malformed"], BAD["late"], BAD["negative_price"], BAD["number"], array]
    writer.write(Records("market.ticks", [3] * len(values), [SYMBOL] * len(values), values))
    writer.write(Records("control.limits", [0], [b"x"], [LIMIT]))
    writer.flush()
    writer.close()
    run_market(url, tmp_path / "recovery", 1)
    return opened


def test_what_flows_refuse_leads_back_to_its_bytes(bus: Bus) -> None:
    letters = choose(bus, Fates(bus), Filter(), None, decided=True).letters
    made = [Retries(bus, letters).of(letter, {}) for letter in letters]
    assert all(isinstance(one, Retry) for one in made), made
    retries = [one for one in made if isinstance(one, Retry)]
    found = sorted((one.letter.reason, one.record.place.partition, one.record.key, one.record.value) for one in retries)
    ticks = [(reason, 3, SYMBOL, value) for reason, value in BAD.items()]
    assert found == sorted([*ticks, ticks[1], ticks[2], ("control", 0, b"x", LIMIT)])


@given(st.lists(st.tuples(st.integers(0, 2), st.sampled_from(["look", "retry", "discard", "end"]), st.integers(0, 5)), max_size=30))
def test_of_those_who_looked_at_one_fate_one_decides(steps: list[tuple[int, str, int]]) -> None:
    """People look, decide by what they saw, and their decisions reach the topic later and in any order."""
    key, fate = LetterKey("dead|x", 0), OPEN
    seen: dict[int, Fate] = {}
    under_way: list[tuple[int, Decision]] = []
    holders: dict[int, set[str]] = {}
    for person, verb, at in steps:
        if verb == "look":
            seen[person] = fate
        elif verb == "end":
            if not under_way:
                continue
            who, decision = under_way.pop(at % len(under_way))
            after = fate.after(decision)
            if after is not fate:
                holders.setdefault(decision.number, set()).add(decision.claim)
                assert after.history[:-1] == fate.history, "what was decided stays"
                if decision.state == "retrying":
                    under_way.append((who, ended(decision)))
            fate = after
        else:
            before = seen.get(person, OPEN)
            claim = f"{person}-{len(under_way)}-{at}-{len(fate.history)}"
            decision = Decision(key, before.number + 1, "retrying" if verb == "retry" else "discarded", claim, 0, None, None)
            under_way.append((person, decision))
    assert all(len(claims) == 1 for claims in holders.values())
    assert [decision.number for decision in fate.history if decision.state != "retried"] == list(range(1, fate.number + 1))


def test_what_is_too_old_to_be_kept_takes_no_decision_with_it() -> None:
    key = LetterKey("dead|x", 0)
    second = Decision(key, 2, "discarded", "c", 0, None, None)
    assert OPEN.after(second).state == "discarded"
    begun = Decision(key, 1, "retrying", "c", 0, None, None)
    assert OPEN.after(ended(begun)).state == "retried"
    assert OPEN.after(begun).after(replace(ended(begun), claim="d")).state == "retrying"
