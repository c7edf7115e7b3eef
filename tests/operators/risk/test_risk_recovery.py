"""After a crash: alerts of accounts and of the firm are each said once, breach and clear in turn, and a halt is not lost."""

from __future__ import annotations

import pickle
import random
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from operators.risk.firm.step import FirmRiskStep
from operators.risk.together import Together
from schemas.event_codec import open_envelope
from schemas.events import Event, RawEnvelope, encode
from schemas.orders import OrderUpdate
from schemas.risk import ExposureUpdate
from tests.operators.cases_risk import SETTINGS, _unsharded, firm_inputs, risk_inputs

Make = Callable[[], Any]
STAGES = pytest.mark.parametrize(
    ("make", "inputs"),
    [(_unsharded, risk_inputs), (lambda: FirmRiskStep(SETTINGS, 0, None), firm_inputs)],
    ids=["accounts", "firm"],
)


def alerts(step: Any, inputs: Sequence[Any]) -> list[Event[Any]]:
    return [alert for one in inputs if (made := step.process(one)) is not None for alert in made.alerts]


def raw(events: Sequence[Event[Any]]) -> list[RawEnvelope]:
    return [open_envelope(encode(event.envelope)) for event in events]


def ids(events: Sequence[Event[Any]]) -> list[str]:
    return [event.header.event_id for event in events]


@STAGES
@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32), data=st.data())
def test_the_same_inputs_again_say_nothing_twice_and_lose_nothing(make: Make, inputs: Any, seed: int, data: st.DataObject) -> None:
    events = inputs(seed)
    at = data.draw(st.integers(0, len(events)))
    crash = data.draw(st.integers(at, len(events)))
    whole, first, second = make(), make(), make()
    before = alerts(first, events[:at])
    stored = pickle.loads(pickle.dumps(first.snapshot()))
    after = alerts(first, events[at:crash])
    published = [*before, *after[: data.draw(st.integers(0, len(after)))]]
    second._risk.restore(stored)
    second.adopt(raw(published))
    assert sorted(ids([*published, *alerts(second, events[at:])])) == sorted(ids(alerts(whole, events)))


@STAGES
@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_in_another_order_breach_and_clear_still_take_turns(make: Make, inputs: Any, seed: int) -> None:
    """Nothing was stored: all comes again, its inputs mixed otherwise and several at once."""
    events, rng = inputs(seed), random.Random(seed)
    published = alerts(make(), events)
    published = published[: rng.randrange(len(published) + 1)]
    mixed = [one for _, one in sorted((at + rng.choice([0, 0, 2, 5]), at) for at in range(len(events))) for one in [events[one]]]
    second = make()
    second.adopt(raw(published))
    again = alerts(second, [Together(mixed[at : at + 3]) for at in range(0, len(mixed), 3)])
    turns = defaultdict(list)
    for event in [*published, *again]:
        if hasattr(event.payload, "alert_id"):
            turns[event.payload.limit_id, event.payload.key].append((event.payload.episode, event.payload.state))
    for said in turns.values():
        assert said == [(at // 2 + 1, "clear" if at % 2 else "breach") for at in range(len(said))]
    assert len(set(ids([*published, *again]))) == len(published) + len(again)


def test_a_halt_that_a_crash_cut_off_its_breach_is_said_after_it() -> None:
    found = 0
    for seed in range(60):
        events, first, second = risk_inputs(seed), _unsharded(), _unsharded()
        made = [said for one in events if (said := first.process(one)) is not None and said.trading]
        if not made:
            continue
        second.adopt(raw([alert for said in made[:1] for alert in said.alerts]))
        again = [halt for one in events if (said := second.process(one)) is not None for halt in said.trading]
        assert made[0].trading[0].header.event_id in ids(again)
        found += 1
    assert found > 3


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_exposures_of_accounts_sum_to_the_firms(seed: int) -> None:
    """Whatever came, also twice and in another order: A is in dollars as the firm, B in euro."""
    rng, found = random.Random(seed), dict[str, Any]()
    events = [one for one in risk_inputs(seed) if not (isinstance(one, Event) and isinstance(one.payload, OrderUpdate))]
    events = [one for one in events[:-1] for _ in range(rng.choice([1, 1, 2]))] + events[-1:]
    for step in (_unsharded(), FirmRiskStep(SETTINGS, 0, None)):
        for one in events:
            for event in getattr(step.process(one), "exposure", []):
                if isinstance(event.payload, ExposureUpdate):
                    found[event.payload.account or "firm"] = event.payload
    accounts = [found[name] for name in "AB" if name in found]
    if not accounts or any(account.gross_exposure is None for account in accounts) or found["firm"].gross_exposure is None:
        return
    for field in ("gross_exposure", "net_exposure", "margin_used"):
        total = sum(getattr(account, field) * {"USD": 1.0, "EUR": 1.25}[account.currency] for account in accounts)
        assert getattr(found["firm"], field) == pytest.approx(total, abs=1e-9)
