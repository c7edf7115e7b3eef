"""Settings: the later place wins, every error says where it came from, secrets are not shown."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from schemas.errors import SettingsError
from trademaster.duration_settings import Duration
from trademaster.settings import Settings
from trademaster.settings_sources import load, load_settings, names, sections, variable_of
from trademaster.settings_text import shown_values, text_of, without_secrets

PLACES = ("file", "environment", "flag", "set")
SAMPLES = {
    "bus.url": ["embedded:a", "embedded:b", "embedded:c", "embedded:d"],
    "market.intervals": ["1s", "2s,3s", "4s", "5m"],
    "market.ewma_lambda": ["0.1", "0.2", "0.3", "0.4"],
    "market.idle_after": ["off", "2s", "3s", "4s"],
    "engine.processes": ["1", "2", "3", "4"],
    "engine.recovery": ["true", "false", "true", "false"],
    "log.level": ["debug", "info", "warning", "error"],
}


def plain(settings: Settings, name: str) -> str:
    return text_of(shown_values(settings)[name])


@given(st.dictionaries(st.sampled_from(sorted(SAMPLES)), st.dictionaries(st.sampled_from(PLACES), st.integers(0, 3), min_size=1)))
def test_the_later_place_wins_and_is_named(tmp_path_factory: pytest.TempPathFactory, wanted: dict[str, dict[str, int]]) -> None:
    file = tmp_path_factory.mktemp("settings") / "given.toml"
    values = {place: {name: SAMPLES[name][at[place]] for name, at in wanted.items() if place in at} for place in PLACES}
    lines = [f'[{name.split(".")[0]}]\n{name.split(".")[1]} = "{value}"\n' for name, value in values["file"].items()]
    # TOML takes a section once, so names of one section are joined.
    by_section: dict[str, list[str]] = {}
    for line in lines:
        section, _, rest = line.partition("\n")
        by_section.setdefault(section, []).append(rest)
    file.write_text("".join(f"{section}\n{''.join(rest)}" for section, rest in by_section.items()))
    loaded = load(
        config=file,
        environment={variable_of(name): value for name, value in values["environment"].items()},
        flags=values["flag"],
        sets=[f"{name}={value}" for name, value in values["set"].items()],
    )
    for name in SAMPLES:
        given_in = [place for place in PLACES if name in values[place]]
        if not given_in:
            assert loaded.origins[name] == "default"
            continue
        assert plain(loaded.settings, name) == values[given_in[-1]][name]
        expected = {"file": str(file), "environment": variable_of(name), "set": "--set"}.get(given_in[-1], "--")
        assert loaded.origins[name].startswith(expected)


@given(st.integers(0, 5 * 10**7), st.sampled_from(["ns", "us", "ms", "s", "m"]))
def test_a_duration_is_read_as_it_is_written(number: int, unit: str) -> None:
    scale = {"ns": 1, "us": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9}[unit]
    duration = Duration.of(f"{number}{unit}")
    assert duration.ns == number * scale
    assert str(duration) == f"{number}{unit}"
    assert Duration.of(str(Duration(duration.ns))) == duration


def test_settings_go_through_json_unchanged() -> None:
    settings = load_settings(environment={}, sets=["market.intervals=60s,250ms", "market.idle_after=4s", "engine.recovery_dir=x/y"])
    again = Settings.model_validate(settings.model_dump(mode="json"))
    assert again == settings
    assert [str(interval) for interval in again.market.intervals] == ["60s", "250ms"]


def test_every_setting_is_described_and_frozen() -> None:
    assert [f"{section}.{name}" for section, fields in sections().items() for name, field in fields.items() if not field.description] == []
    settings = load_settings(environment={})
    with pytest.raises(ValidationError):
        settings.engine.processes = 3


def test_lists_are_commas_or_json_and_repeats_win() -> None:
    settings = load_settings(environment={}, sets=["market.intervals=1h", 'market.intervals=["1s","2s"]'])
    assert [str(interval) for interval in settings.market.intervals] == ["1s", "2s"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("market.interval=4s", "did you mean market.intervals?"),
        ("engine.metric_port=1", "did you mean engine.metrics_port?"),
        ("intervals=4s", "did you mean market.intervals?"),
        ("markt.lateness=4s", "did you mean market.lateness?"),
        ("zzz.qqq=4s", "allowed are bus, market"),
        ("market.zzzzqq=4s", "allowed are market.intervals"),
        ("market.intervals=4", "expected a duration such as"),
        ("market.intervals=4s,0s", "longer than 0"),
        ("market.intervals=", "at least one duration"),
        ("market.intervals=60s,1m", "different durations"),
        ("market.intervals=[1", "market.intervals (from --set)"),
        ("market.ewma_lambda=1", "less than 1"),
        ("market.ewma_lambda=nan", "market.ewma_lambda"),
        ("engine.processes=0", "greater than or equal to 1"),
        ("engine.processes=two", "integer"),
        ("log.level=loud", "'debug', 'info', 'warning' or 'error'"),
        ("market.lateness=-1s", "expected a duration"),
        ("market.lateness=99999999d", "at most 36500d"),
        ("market.lateness", "name=value"),
    ],
)
def test_an_error_names_the_setting_its_place_and_what_is_allowed(text: str, says: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(environment={}, sets=[text])
    message = str(caught.value)
    assert says in message
    assert text.partition("=")[0] in message
    assert "--set" in message
    assert caught.value.hint


def test_all_errors_are_told_at_once_each_with_its_place(tmp_path: Path) -> None:
    file = tmp_path / "a.toml"
    file.write_text("[engine]\nprocesses = 0\n[nonsense]\nx = 1\n")
    with pytest.raises(SettingsError) as caught:
        load(config=file, environment={"TRADEMASTER_LOG__LEVEL": "x", "TRADEMASTER_LOG_FORMAT": "json"}, sets=["market.lateness=x"])
    message = str(caught.value)
    assert len(message.splitlines()) == 5
    for part in (
        f"engine.processes (from {file})",
        "nonsense.x",
        "log.level (from TRADEMASTER_LOG__LEVEL)",
        "TRADEMASTER_LOG__FORMAT?",
        "--set",
    ):
        assert part in message


def test_variables_of_others_are_left_alone() -> None:
    # Kubernetes sets these for a service called trademaster.
    theirs = {"TRADEMASTER_PORT": "tcp://10.0.0.1:80", "TRADEMASTER_SERVICE_HOST": "10.0.0.1", "TRADEMASTER_TEST_KAFKA": "x"}
    assert load_settings(environment=theirs) == load_settings(environment={})


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    file = tmp_path / "a.toml"
    file.write_text("[engine\n")
    with pytest.raises(SettingsError, match=r"a\.toml.*TOML"):
        load(config=file, environment={})


def test_passwords_are_not_shown() -> None:
    url = "kafka://user:hidden@host:9092?sasl.password=hidden&security.protocol=SASL_SSL&ssl.key.password=hidden"
    settings = load_settings(environment={}, sets=[f"bus.url={url}"])
    assert "hidden" not in str(shown_values(settings))
    assert "security.protocol=SASL_SSL" in without_secrets(url)
    assert settings.bus.url == url


def test_each_setting_has_a_variable_of_its_own() -> None:
    assert len({variable_of(name) for name in names()}) == len(names())


@pytest.mark.parametrize("login", ["user:hidden", "user:hid@den", "user:hidden/x", ":hidden", "user:hid:den", "user:hid?den"])
def test_the_password_of_a_database_is_not_shown(login: str) -> None:
    """Neither when somebody forgot to encode what is in it."""
    url = f"postgresql://{login}@host:5432/records?sslmode=require"
    values = str(shown_values(load_settings(sets=[f"records.url={url}"])))
    assert not {"hidden", "den", "hid"} & set(re.findall(r"\w+", values))
    assert "@host:5432/records?sslmode=require" in values
