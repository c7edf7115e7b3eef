"""Settings as text: their values without secrets, and the reference ``docs/settings.md``."""

from __future__ import annotations

import json
import re
from typing import Any, get_args

from trademaster.settings import Settings
from trademaster.settings_sources import sections, variable_of

_SECRET_IN_URL = re.compile(r"((?:password|secret|token|key)[^=&]*=)[^&]*", re.IGNORECASE)
_LOGIN_IN_URL = re.compile(r"(?<=//)([^/@:?]*):.*@")
"""Up to the last @: a password may hold one that somebody forgot to encode."""


def without_secrets(url: str) -> str:
    """A URL that may be shown: passwords become ``***``."""
    return _SECRET_IN_URL.sub(r"\1***", _LOGIN_IN_URL.sub(r"\1:***@", url))


def shown_values(settings: Settings) -> dict[str, Any]:
    """Values by dotted name, as JSON types, passwords hidden."""
    dumped = settings.model_dump(mode="json")
    values = {f"{section}.{name}": value for section, fields in dumped.items() for name, value in fields.items()}
    for name, value in values.items():
        if name.endswith(".url"):
            values[name] = without_secrets(value)
        elif name.endswith((".token", ".password")) and value:
            values[name] = "***"
    return values


def text_of(value: Any) -> str:
    """A value as a person would write it."""
    if isinstance(value, list):
        if any(isinstance(item, dict) for item in value):
            return json.dumps([{name: given for name, given in item.items() if given} for item in value])
        return ",".join(map(str, value))
    return "off" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def reference() -> str:
    """``docs/settings.md``."""
    lines = [
        "# Settings",
        "",
        "Generated from `trademaster/settings.py`; `trademaster settings show` prints the values in force.",
        "",
        "Read from, the later wins: the defaults; `trademaster.toml` in the current folder, or `--config FILE`, or `TRADEMASTER_CONFIG`;",
        "`TRADEMASTER_*`, with two underscores between section and name; a command's own options; `--set NAME=VALUE`, repeatable.",
        "A duration is a number with a unit: ns, us, ms, s, m, h, d. A list is written with commas or as JSON.",
        "Relative folders are relative to the folder in which the command is started.",
        "",
        "```toml",
        "[bus]",
        'url = "kafka://localhost:9092"',
        "",
        "[market]",
        'intervals = ["4s", "1m"]',
        "```",
    ]
    for section, fields in sections().items():
        info = Settings.model_fields[section]
        lines += ["", f"## {section}", "", str(info.annotation.__doc__ or "").strip(), ""]
        lines += ["| setting | default | allowed | what it is | variable |", "|---|---|---|---|---|"]
        for name, field in fields.items():
            full = f"{section}.{name}"
            cells = (f"`{full}`", f"`{_default(field.default)}`", _allowed(field), str(field.description), f"`{variable_of(full)}`")
            lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"


def _default(value: Any) -> str:
    return "[]" if value == () else text_of(list(value) if isinstance(value, tuple) else value) or '""'


def _allowed(field: Any) -> str:
    if isinstance(field.json_schema_extra, dict):
        return str(field.json_schema_extra["allowed"])
    choices = get_args(field.annotation)
    if choices and all(isinstance(choice, str) for choice in choices):
        return ", ".join(f"`{choice}`" for choice in choices)
    words = {"ge": "at least", "gt": "more than", "le": "at most", "lt": "less than"}
    bounds = [f"{word} {getattr(note, name):g}" for note in field.metadata for name, word in words.items() if hasattr(note, name)]
    bounds = [bound.replace("1e+06", "1000000") for bound in bounds]
    if "Decimal" in str(field.annotation) and type(None) in get_args(field.annotation):
        bounds.append("`off`")
    if field.annotation == tuple[str, ...]:
        return "texts"
    return ", ".join(bounds) or _KINDS[getattr(field.annotation, "__name__", str(field.annotation))]


_KINDS = {
    "str": "text",
    "int": "whole number",
    "Decimal": "decimal",
    "Path": "folder",
    "bool": "`true`, `false`",
    "Duration": "duration",
    "tuple": "durations",
    "Optional": "duration, `off`",
}
