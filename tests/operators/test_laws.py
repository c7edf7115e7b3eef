"""The laws that every operator keeps. Operators are found, not listed: a new one without a Case fails here."""

from __future__ import annotations

import copy
import os
import pickle
import random
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from operators.contract import Case, Said, find_operators
from schemas.kernels import is_uncompiled
from tests.operators.cases import CASES
from tests.operators.digest import digests

OPERATORS = find_operators()
PLAIN = (dict, list, tuple, str, bytes, int, float, bool, type(None))
seeds = st.integers(0, 2**32)
each = pytest.mark.parametrize("case", list(CASES.values()), ids=[operator.__name__ for operator in CASES])


def run(case: Case, operator: Any, events: Sequence[Any], ends: Sequence[int]) -> list[Said]:
    said, start = [], 0
    for end in ends:
        said.append(case.apply(operator, events[start:end]))
        start = end
    return said


def cuts(rng: random.Random, count: int) -> list[int]:
    return sorted({*(rng.randrange(1, count + 1) for _ in range(rng.choice([0, 1, 5, count]))), count})


def decisions(said: list[Said]) -> list[tuple[str, Any]]:
    return [decision for one in said for decision in one.decisions]


def test_every_operator_is_found_and_registered() -> None:
    assert OPERATORS, "discovery finds nothing: it is broken"
    missing = [f"{operator.__module__}.{operator.__name__}" for operator in OPERATORS if operator not in CASES]
    assert not missing, f"register a Case in tests/operators/cases.py for {missing}"
    assert set(CASES) <= set(OPERATORS)


@pytest.mark.parametrize("operator", OPERATORS, ids=lambda operator: operator.__name__)
def test_documented(operator: type) -> None:
    public = [member for name, member in vars(operator).items() if not name.startswith("_") and callable(member)]
    assert operator.__doc__
    assert sys.modules[operator.__module__].__doc__
    assert all(member.__doc__ for member in public)


def only_plain(value: Any) -> bool:
    if type(value) not in PLAIN:
        return False
    inner = [*value.keys(), *value.values()] if isinstance(value, dict) else value if isinstance(value, list | tuple) else []
    return all(only_plain(item) for item in inner)


@each
@settings(max_examples=60, deadline=None)
@given(seed=seeds)
def test_state_is_plain_and_whoever_restores_it_goes_on_identically(case: Case, seed: int) -> None:
    rng = random.Random(seed)
    events = case.inputs(seed)
    whole, at = case.make(), rng.randrange(len(events) + 1)
    case.apply(whole, events[:at])
    stored = whole.snapshot()
    assert only_plain(stored), "numbers, text, bytes and containers of them"
    assert isinstance(stored["version"], int)
    kept, pickled = copy.deepcopy(stored), pickle.dumps(stored)
    again = case.make()
    again.restore(pickle.loads(pickled))
    assert again.snapshot() == kept
    rest = events[at:]
    ends = cuts(rng, len(rest)) if rest else []
    assert run(case, again, rest, ends) == run(case, whole, rest, ends)
    assert stored == kept, "a snapshot is a copy"
    assert again.snapshot() == whole.snapshot()


@each
@settings(max_examples=30, deadline=None)
@given(seed=seeds)
def test_a_replay_is_identical(case: Case, seed: int) -> None:
    events = case.inputs(seed)
    ends = cuts(random.Random(seed), len(events))
    first, second = case.make(), case.make()
    assert run(case, first, events, ends) == run(case, second, events, ends)
    assert first.snapshot() == second.snapshot()


@each
@settings(max_examples=80, deadline=None)
@given(seed=seeds)
def test_batches_do_not_matter(case: Case, seed: int) -> None:
    rng = random.Random(seed)
    events = case.inputs(seed)
    one_by_one = run(case, case.make(), events, range(1, len(events) + 1))
    batched = run(case, case.make(), events, cuts(rng, len(events)))
    assert sorted(decisions(one_by_one)) == sorted(decisions(batched))
    assert len({key for key, _ in decisions(batched)}) == len(decisions(batched)), "an id is said once"
    last = [{key: value for said in side for key, value in said.latest.items()} for side in (one_by_one, batched)]
    assert last[0] == last[1], "the last of each key"
    contents: dict[str, Any] = {}
    for said in [*one_by_one, *batched]:
        for identity, content in said.latest.values():
            assert contents.setdefault(identity, content) == content, "an id has one content"


@pytest.mark.skipif(is_uncompiled(), reason="this is the uncompiled form")
def test_kernels_equal_their_uncompiled_form() -> None:
    root = Path(__file__).resolve().parent.parent.parent
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1", "PYTHONPATH": str(root)}
    command = [sys.executable, "-m", "tests.operators.digest"]
    plain = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=True)
    assert plain.stdout.strip() == str(digests(range(12)))
