"""Control data of files: what is written is what was meant, to the last digit, and a file with any fault writes nothing."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.control import Account, Action, Instrument, Limit
from schemas.control_codec import decode_control
from schemas.errors import InputFileError, UsageError
from schemas.events import encode
from trademaster.cli import execute
from trademaster.control_files import ControlFile, read_control_file
from trademaster.control_load import Events, control_events

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "control.yaml"
NOW_NS = 1_767_366_245_000_000_000
DAY_NS = 86_400 * 10**9


def load(folder: Path, name: str, text: str, kind: str | None = None, **options: Any) -> Events:
    path = folder / name
    path.write_text(text)
    return control_events(read_control_file(path, kind), source=name, **{"now_ns": NOW_NS, **options})


def payloads(events: Events) -> dict[str, list[Any]]:
    return {topic.removeprefix("control."): [event.payload for event in found] for topic, found in events.items()}


def test_the_example_is_loaded_whole_and_twice_is_once() -> None:
    file = read_control_file(EXAMPLE)
    events = control_events(file, source="a", now_ns=NOW_NS)
    assert {topic: len(found) for topic, found in events.items()} == {
        "control.instruments": 3, "control.accounts": 2, "control.limits": 4, "control.actions": 1,
    }  # fmt: skip
    later = control_events(file, source="a", now_ns=NOW_NS + DAY_NS)
    for topic, found in events.items():
        for event, again in zip(found, later[topic], strict=True):
            assert event.header.event_id == again.header.event_id
            first, second = (decode_control(topic, None, encode(one.envelope)) for one in (event, again))
            assert (first.id, first.payload) == (second.id, second.payload)
            if topic == "control.actions":
                assert event == again, "an action's time is its own, not that of the load"
            else:
                assert (first.time_ns, second.time_ns) == (NOW_NS, NOW_NS + DAY_NS)


decimals = st.decimals(min_value=-(10**12), max_value=10**12, places=20).map(lambda value: f"{value:f}")
names = st.text("0123456789abcNOYESnull~.e_", min_size=1, max_size=12).filter(lambda name: name not in {"null", "~", "."})


@given(names, decimals)
def test_every_form_of_a_file_keeps_names_and_digits(tmp_path_factory: pytest.TempPathFactory, name: str, cash: str) -> None:
    folder = tmp_path_factory.mktemp("control")
    expected = {"accounts": [Account(account=name, cash=Decimal(cash))]}
    forms = {
        "quoted.yaml": f"accounts:\n  - account: '{name}'\n    cash: {cash}\n",
        "a.json": f'{{"accounts": [{{"account": "{name}", "cash": {cash}, "costing": null}}]}}',
        "a.csv": f"account,cash,costing\n{name},{cash},\n",
        "a.tsv": f"kind\tAccount\tCASH\naccount\t{name}\t{cash}\n",
        "a.jsonl": f'{{"topic": "control.accounts", "value": {{"account": "{name}", "cash": {cash}}}}}\n',
        "b.jsonl": f'{{"account": "{name}", "cash": "{cash}"}}\n',
    }
    for file, text in forms.items():
        assert payloads(load(folder, file, text)) == expected, file


@pytest.mark.parametrize("word", ["0123", "NO", "on", "1e3", "2026-01-02", "0x1F", "1_000", "1.50"])
def test_yaml_does_not_guess_at_names(tmp_path: Path, word: str) -> None:
    assert payloads(load(tmp_path, "a.yaml", f"accounts: [{{account: {word}}}]")) == {"accounts": [Account(account=word)]}


@pytest.mark.parametrize(("word", "value"), [("true", True), ("Yes", True), ("1", True), ("off", False), ("FALSE", False), ("0", False)])
def test_truth_values(tmp_path: Path, word: str, value: bool) -> None:
    assert payloads(load(tmp_path, "a.csv", f"symbol,inverse\nX,{word}\n")) == {"instruments": [Instrument(symbol="X", inverse=value)]}


def test_a_table_is_told_by_its_columns_or_by_kind(tmp_path: Path) -> None:
    limits = "limit_id,rule,scope,threshold,account,symbol\nL1,gross_exposure,account,1000.10,A,\n"
    assert payloads(load(tmp_path, "l.csv", limits)) == {
        "limits": [Limit(limit_id="L1", rule="gross_exposure", scope="account", threshold=Decimal("1000.10"), account="A")]
    }
    assert list(load(tmp_path, "a.csv", "action,symbol,ratio,timestamp\nsplit,X,2,2026-01-02\n")) == ["control.actions"]
    assert list(load(tmp_path, "i.csv", "symbol,currency\nX,EUR\n")) == ["control.instruments"]
    assert list(load(tmp_path, "k.csv", "currency,symbol\nEUR,X\n", "instruments")) == ["control.instruments"]


def test_instruments_are_written_before_what_speaks_of_them(tmp_path: Path) -> None:
    text = "actions: [{action: dividend, symbol: X, amount: 1, timestamp: 5}]\naccounts: [{account: A}]\ninstruments: [{symbol: X}]\n"
    assert list(load(tmp_path, "a.yaml", text)) == ["control.instruments", "control.accounts", "control.actions"]


def test_an_action_is_its_content_and_its_time(tmp_path: Path) -> None:
    text = "actions: [{action: split, symbol: X, ratio: 2%s}]"
    with pytest.raises(UsageError, match="--as-of"):
        load(tmp_path, "a.yaml", text % "")
    given_time = load(tmp_path, "a.yaml", text % "", as_of_ns=NOW_NS)
    own_time = load(tmp_path, "a.yaml", text % f", timestamp: {NOW_NS}")
    assert given_time == own_time
    other_ratio = load(tmp_path, "a.yaml", (text % "").replace("2", "3"), as_of_ns=NOW_NS)
    other_time = load(tmp_path, "a.yaml", text % "", as_of_ns=NOW_NS + 1)
    ids = [events["control.actions"][0].header.event_id for events in (given_time, other_ratio, other_time)]
    assert len(set(ids)) == 3
    assert isinstance(given_time["control.actions"][0].payload, Action)


BAD = """instrments: []
accounts:
  - account: A
    cash: lots
    cahs: 1
  - account: B
    costing: hifo
  - account: C
  - account: C
  - just text
limits:
  - limitId: x
    rule: price_band
    scope: account
    threshold: -1
  - limitId: y
    rule: price_band
    scope: firm
    enabled: perhaps
    threshold: [1]
actions:
  - {action: split, symbol: X, timestamp: 2026-02-30}
  - {action: split, symbol: X, symbol: Y, ratio: 2, timestamp: 5}
"""


def test_every_fault_is_said_at_once_with_its_place(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as error:
        load(tmp_path, "bad.yaml", BAD)
    message = str(error.value)
    for fault in (
        "line 1: expected one of the keys",
        "accounts[0], line 3: cash: expected a decimal such as",
        "accounts[0], line 3: cahs: no field has that name",
        "accounts[1], line 6: costing: ",
        "accounts[3], line 9: expected each of the accounts once, found what stands at accounts[2], line 8",
        "accounts[4], line 10: expected fields and values",
        "limits[0], line 12: threshold: expected a number greater than 0, found -1",
        "limits[1], line 16: threshold (line 20): expected one value",
        "limits[1], line 16: enabled: expected true or false, found 'perhaps'",
        "actions[0], line 22: timestamp: expected a date and time that exist",
        "actions[1], line 23: symbol (line 23): expected each field once",
    ):
        assert fault in message, fault
    assert "limits: required: limitId" in error.value.hint


@pytest.mark.parametrize(
    ("name", "text", "fault"),
    [
        ("a.yaml", "accounts: {account: A}", "expected a list of entries"),
        ("a.yaml", "[1]", "expected keys accounts"),
        ("a.yaml", "accounts: [", "expected YAML"),
        ("a.yaml", "accounts: [{account: !!python/object/apply:os.getcwd []}]", "expected one value"),
        ("a.csv", "account,cash\nA,1,2\n", "line 2: expected at most 2 cells, found 3"),
        ("a.csv", "account,cash,Cash\nA,1,2\n", "found 'cash' 2 times"),
        ("a.csv", "cash\n1\n", "line 2: kind: expected accounts"),
        ("a.csv", "kind,account\nposition,A\n", "found 'position'"),
        ("a.csv", 'account\n"A\n', "expected rows of CSV"),
        ("a.csv", "account,colour\nA,red\n", "line 2: colour: no field has that name"),
        ("a.jsonl", '{"account":"A"}\n{"account":\n', "line 2: expected JSON"),
        ("a.jsonl", '{"topic":"market.ticks","value":{}}\n', "found 'market.ticks'"),
    ],
)
def test_what_is_no_control_file_says_where(tmp_path: Path, name: str, text: str, fault: str) -> None:
    with pytest.raises(UsageError) as error:
        load(tmp_path, name, text)
    assert fault in str(error.value)


def test_files_that_cannot_be_read_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputFileError, match="cannot be read"):
        read_control_file(tmp_path / "none.yaml")
    with pytest.raises(UsageError, match=r"ending in \.yaml"):
        read_control_file(tmp_path / "a.xml")
    with pytest.raises(UsageError, match="--kind"):
        read_control_file(EXAMPLE, "positions")


def test_a_fault_writes_nothing_and_a_dry_run_neither(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bus, bad = f"embedded:{tmp_path / 'bus'}", tmp_path / "bad.yaml"
    bad.write_text("accounts: [{account: A}, {account: B, cash: x}]")
    assert execute(["control", "load", str(bad), "--bus", bus]) == 2
    assert "accounts[1], line 1: cash" in capsys.readouterr().err
    assert execute(["control", "load", str(EXAMPLE), "--dry-run", "--bus", bus]) == 0
    assert capsys.readouterr().out.splitlines()[0] == "control.instruments 3"
    assert not (tmp_path / "bus").exists()
    assert execute(["control", "load", str(EXAMPLE), "--bus", bus, "--as-of", "2026-01-02"]) == 0
    capsys.readouterr()
    assert execute(["tail", "control.limits", "--from", "beginning", "--no-follow", "--bus", bus]) == 0
    records = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(record["key"], record["partition"]) for record in records] == [
        (name, 0) for name in ("band", "a1-drawdown", "a1-most", "a1-trail")
    ]
    assert records[0]["value"]["header"]["timestamp"] == "2026-01-02T00:00:00.000000000Z"


def test_an_empty_file_holds_nothing(tmp_path: Path) -> None:
    for name in ("a.yaml", "a.csv", "a.jsonl"):
        (tmp_path / name).write_text("")
        assert read_control_file(tmp_path / name) == ControlFile()
    assert execute(["control", "load", str(tmp_path / "a.yaml"), "--bus", f"embedded:{tmp_path / 'bus'}"]) == 2
