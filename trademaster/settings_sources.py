"""Where settings come from: defaults, then ``trademaster.toml``, ``TRADEMASTER_*``, flags and ``--set``; the later wins."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import EnvSettingsSource

from schemas.errors import SettingsError
from trademaster.settings import Settings

PREFIX = "TRADEMASTER_"
FILE_NAME = "trademaster.toml"
CONFIG_VARIABLE = "TRADEMASTER_CONFIG"

_HINT = "`trademaster settings show` prints every setting with its value and where it came from"


@dataclass(frozen=True, slots=True)
class Layer:
    """Raw values of one place, by dotted name, and what to call that place."""

    values: Mapping[str, Any]
    origins: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Loaded:
    """The settings, and where each came from."""

    settings: Settings
    origins: Mapping[str, str]
    """By dotted name: ``default``, ``trademaster.toml``, ``TRADEMASTER_MARKET__INTERVALS``, ``--processes``, ``--set``."""


def load_settings(
    *,
    config: Path | None = None,
    flags: Mapping[str, Any] | None = None,
    sets: Iterable[str] = (),
    environment: Mapping[str, str] | None = None,
) -> Settings:
    """The effective settings; see ``load``."""
    return load(config=config, flags=flags, sets=sets, environment=environment).settings


def load(
    *,
    config: Path | None = None,
    flags: Mapping[str, Any] | None = None,
    sets: Iterable[str] = (),
    environment: Mapping[str, str] | None = None,
) -> Loaded:
    """Read every place and let the later win.

    Args:
        config: the file; None: TRADEMASTER_CONFIG, else ``trademaster.toml`` in the current folder, if there is one.
        flags: by dotted name, values of command line options; None is a flag that was not given.
        sets: ``name=value``, each from one ``--set``.
        environment: of the process, unless given.

    Raises:
        SettingsError: everything that is wrong, a line each, with the place it came from.
    """
    environment = os.environ if environment is None else environment
    problems: list[str] = []
    layers = [
        _file_layer(_config_file(config, environment)),
        _environment_layer(environment, problems),
        _flag_layer(flags or {}),
        _set_layer(sets, problems),
    ]
    values: dict[str, Any] = {}
    origins = dict.fromkeys(names(), "default")
    for layer in layers:
        for name, value in layer.values.items():
            if name not in origins:
                problems.append(f"{name} (from {layer.origins[name]}): no setting has that name{_did_you_mean(name)}")
                continue
            values[name] = value
            origins[name] = layer.origins[name]
    settings = _validated(values, origins, problems)
    return Loaded(settings, origins)


def names() -> list[str]:
    """Dotted names of all settings, in order."""
    return [f"{section}.{name}" for section, fields in sections().items() for name in fields]


def sections() -> dict[str, dict[str, FieldInfo]]:
    """Fields of each section."""
    found: dict[str, dict[str, FieldInfo]] = {}
    for section, info in Settings.model_fields.items():
        found[section] = dict(info.annotation.model_fields)  # type: ignore[union-attr]  # every field of Settings is a Section
    return found


def variable_of(name: str) -> str:
    """The environment variable of a setting."""
    return PREFIX + name.replace(".", "__").upper()


def _validated(values: Mapping[str, Any], origins: Mapping[str, str], problems: list[str]) -> Settings:
    nested: dict[str, dict[str, Any]] = {}
    for name, value in values.items():
        section, _, key = name.partition(".")
        nested.setdefault(section, {})[key] = value
    try:
        settings = Settings(**nested)  # type: ignore[arg-type]  # raw values: this is where they are validated
    except ValidationError as error:
        wrong = [_problem(detail, values, origins) for detail in error.errors(include_url=False)]
        raise SettingsError("\n".join([*problems, *wrong]), hint=_HINT) from None
    if problems:
        raise SettingsError("\n".join(problems), hint=_HINT)
    return settings


def _problem(detail: Any, values: Mapping[str, Any], origins: Mapping[str, str]) -> str:
    name = ".".join(str(part) for part in detail["loc"][:2])
    message = str(detail["msg"]).removeprefix("Value error, ")
    message = message[:1].lower() + message[1:]
    found = values.get(name)
    shown = "" if "found" in message else f", found {found!r}"
    return f"{name} (from {origins.get(name, 'default')}): {message}{shown}"


def _did_you_mean(name: str) -> str:
    known = names()
    close = [full for full in known if full.partition(".")[2] == name] or get_close_matches(name, known, n=1, cutoff=0.6)
    if not close:
        tails = {full.partition(".")[2]: full for full in known}
        close = [tails[tail] for tail in get_close_matches(name.rpartition(".")[2], tails, n=1, cutoff=0.7)]
    if close:
        return f"; did you mean {close[0]}?"
    section = name.partition(".")[0]
    allowed = [full for full in known if full.startswith(section + ".")] or list(sections())
    return f"; allowed are {', '.join(allowed)}"


def _config_file(config: Path | None, environment: Mapping[str, str]) -> Path | None:
    named = config or (Path(environment[CONFIG_VARIABLE]) if environment.get(CONFIG_VARIABLE) else None)
    if named is None:
        return Path(FILE_NAME) if Path(FILE_NAME).is_file() else None
    if not named.is_file():
        place = "--config" if config else CONFIG_VARIABLE
        raise SettingsError(
            f"expected a file of settings at {named} (from {place}), found none", hint="name an existing TOML file, or leave it out"
        )
    return named


def _file_layer(path: Path | None) -> Layer:
    if path is None:
        return Layer({}, {})
    try:
        tree = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise SettingsError(f"{path}: expected TOML, found {error}", hint='write for example:  [market]\\n  intervals = ["4s"]') from None
    values = _flat(tree)
    return Layer(values, dict.fromkeys(values, str(path)))


def _flat(tree: Mapping[str, Any]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for section, content in tree.items():
        if isinstance(content, Mapping):
            values.update({f"{section}.{key}": value for key, value in content.items()})
        else:
            values[section] = content
    return values


def _environment_layer(environment: Mapping[str, str], problems: list[str]) -> Layer:
    ours = {name: value for name, value in environment.items() if name.upper().startswith(PREFIX)}
    source = EnvSettingsSource(Settings)
    source.env_vars = {name.lower(): value for name, value in ours.items()}
    values = _flat(source())
    known = {variable_of(name): name for name in names()}
    by_underscore = {variable.replace("__", "_"): variable for variable in known}
    for variable in sorted(ours):
        upper = variable.upper()
        if upper in known:
            continue
        # Kubernetes puts TRADEMASTER_PORT and the like into every process: only what looks like a setting is judged.
        if upper in by_underscore:
            problems.append(f"{variable}: no setting has that name; did you mean {by_underscore[upper]}?")
        elif "__" in upper:
            name = upper.removeprefix(PREFIX).replace("__", ".").lower()
            problems.append(f"{name} (from {variable}): no setting has that name{_did_you_mean(name)}")
    values = {name: value for name, value in values.items() if name in known.values()}
    return Layer(values, {name: variable_of(name) for name in values})


def _flag_layer(flags: Mapping[str, Any]) -> Layer:
    given = {name: value for name, value in flags.items() if value is not None}
    return Layer(given, {name: "--" + name.partition(".")[2].replace("_", "-") if name != "bus.url" else "--bus" for name in given})


def _set_layer(sets: Iterable[str], problems: list[str]) -> Layer:
    values: dict[str, str] = {}
    for text in sets:
        name, equals, value = text.partition("=")
        if not equals:
            problems.append(f"--set {text}: expected name=value, such as --set market.intervals=4s")
        else:
            values[name.strip()] = value
    return Layer(values, dict.fromkeys(values, "--set"))
