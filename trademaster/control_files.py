"""Files of control data as a person writes them: YAML, CSV or JSON lines as entries of text, each with its place.

No number passes through a float and no name through a guess: ``0123`` and ``NO`` stay what was written. Every fault of a file is collected,
none is raised one at a time.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path

import msgspec

from schemas.control import Account, Action, Instrument, Limit, Trading
from schemas.errors import InputFileError, UsageError
from schemas.events import Payload
from schemas.json_errors import JSON_ERRORS, explained, shown
from sources.columns import plain_name

MAX_FILE_BYTES = 64 << 20

KINDS: dict[str, type[Payload]] = {
    "accounts": Account,
    "instruments": Instrument,
    "limits": Limit,
    "actions": Action,
    "trading": Trading,
}
"""What may be loaded, by the key or the word that names it."""

_YAML, _TABLES, _LINES = (".yaml", ".yml", ".json"), (".csv", ".tsv", ".txt"), (".jsonl", ".ndjson")
_TOLD_BY = {"limitId": "limits", "action": "actions", "state": "trading", "account": "accounts", "symbol": "instruments"}
"""A field that only entries of one kind have; the first of them that is there decides."""

_object = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_string = msgspec.json.Decoder(str).decode


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry, not checked yet."""

    kind: str
    place: str
    """Such as ``limits[2], line 17``."""
    values: dict[str, str]
    """Text by field; what is null or empty is left out."""


@dataclass(frozen=True, slots=True)
class ControlFile:
    """All entries of a file, and what of it is none."""

    entries: list[Entry] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    """A line each: the place, what was expected, what was found."""


def read_control_file(path: Path, kind: str | None = None) -> ControlFile:
    """Read a file by its ending.

    Args:
        path: the file.
        kind: one of KINDS, of all rows of a table or of lines; None: each says or shows its own.

    Raises:
        UsageError: the ending or the kind is unknown.
        InputFileError: the file cannot be read.
    """
    if kind is not None and kind not in KINDS:
        raise UsageError(f"--kind: expected {', '.join(KINDS)}, found {kind!r}")
    ending = path.suffix.lower()
    if ending not in (*_YAML, *_TABLES, *_LINES):
        raise UsageError(f"expected a file ending in .yaml, .json, .csv or .jsonl, found {path.name}")
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
        text = data.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputFileError(
            f"{path.name}: cannot be read: {error}", hint="check that the file is there, in UTF-8, and may be read"
        ) from None
    if len(data) > MAX_FILE_BYTES:
        raise InputFileError(f"{path.name}: expected at most {MAX_FILE_BYTES >> 20} MB, found more")
    if ending in _YAML:
        if kind is not None:
            raise UsageError("--kind: expected with a table or with lines; the keys of this file name what is under them")
        return _from_yaml(text)
    return _from_table(text, kind) if ending in _TABLES else _from_lines(text, kind)


def _from_yaml(text: str) -> ControlFile:
    import yaml

    found = ControlFile()
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, RecursionError) as error:
        found.faults.append(f"expected YAML, found something else: {' '.join(str(error).split())}")
        return found
    if root is None:
        return found
    if not isinstance(root, yaml.MappingNode):
        found.faults.append(f"line 1: expected keys {', '.join(KINDS)}, each with a list of entries, found a {getattr(root, 'id', 'node')}")
        return found
    for key, value in root.value:
        name, line = str(key.value), key.start_mark.line + 1
        if name not in KINDS:
            found.faults.append(f"line {line}: expected one of the keys {', '.join(KINDS)}, found {name[:60]!r}{_meant(name, KINDS)}")
        elif isinstance(value, yaml.SequenceNode):
            for at, node in enumerate(value.value):
                _add_node(found, name, f"{name}[{at}], line {node.start_mark.line + 1}", node)
        elif value.tag != "tag:yaml.org,2002:null":
            found.faults.append(f"{name}, line {line}: expected a list of entries, each after a dash, found a {value.id}")
    return found


def _add_node(found: ControlFile, kind: str, place: str, node: object) -> None:
    import yaml

    if not isinstance(node, yaml.MappingNode):
        found.faults.append(f"{place}: expected fields and values, found a {getattr(node, 'id', 'node')}")
        return
    values: dict[str, str] = {}
    for key, value in node.value:
        name, line = str(key.value), key.start_mark.line + 1
        if not isinstance(value, yaml.ScalarNode):
            found.faults.append(f"{place}: {name} (line {line}): expected one value, found a {value.id}")
        elif name in values:
            found.faults.append(f"{place}: {name} (line {line}): expected each field once, found it twice")
        elif value.tag != "tag:yaml.org,2002:null":
            values[name] = value.value
    found.entries.append(Entry(kind, place, values))


def _from_table(text: str, kind: str | None) -> ControlFile:
    found = ControlFile()
    first = next((line for line in text.splitlines() if line.strip()), "")
    reader = csv.reader(io.StringIO(text), delimiter=max(",;\t|", key=first.count), strict=True)
    try:
        header = [cell.strip() for cell in next((row for row in reader if any(row)), [])]
        names = [_field(cell) for cell in header]
        for name in {name for name in names if names.count(name) > 1}:
            found.faults.append(f"line {reader.line_num}: expected each column once, found {name!r} {names.count(name)} times")
        for line, row in _numbered(reader):
            place = f"line {line}"
            if len(row) > len(names) and any(row[len(names) :]):
                found.faults.append(f"{place}: expected at most {len(names)} cells, found {len(row)}")
                continue
            values = {name: cell.strip() for name, cell in zip(names, row, strict=False) if cell.strip()}
            if values:
                _add(found, kind, place, values, names)
    except csv.Error as error:
        found.faults.append(f"line {reader.line_num}: expected rows of CSV, found what is none: {error}")
    return found


def _numbered(reader: Iterator[list[str]]) -> Iterator[tuple[int, list[str]]]:
    """Rows with the line on which each ends."""
    for row in reader:
        yield reader.line_num, row  # type: ignore[attr-defined]


def _from_lines(text: str, kind: str | None) -> ControlFile:
    found = ControlFile()
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        place = f"line {number}"
        try:
            raw = _object(line)
            topic = _string(raw["topic"]).removeprefix("control.") if "topic" in raw else kind
            values = _scalars(_object(raw["value"]) if "value" in raw else raw)
        except JSON_ERRORS as error:
            found.faults.append(f"{place}: {explained(error, line.encode())}")
            continue
        values.pop("topic", None)
        _add(found, topic, place, values, list(values))
    return found


def _scalars(raw: dict[str, msgspec.Raw]) -> dict[str, str]:
    texts = {name: bytes(value).decode() for name, value in raw.items()}
    return {name: _string(text) if text[:1] == '"' else text for name, text in texts.items() if text != "null"}


def _add(found: ControlFile, kind: str | None, place: str, values: dict[str, str], names: list[str]) -> None:
    said = values.pop("kind", None)
    wanted = said or kind or next((kind for name, kind in _TOLD_BY.items() if name in names), None)
    wanted = wanted if wanted is None or wanted in KINDS else f"{wanted}s"
    if wanted not in KINDS:
        what = "found none of the columns that tell" if said is None and kind is None else f"found {said or kind!r}"
        found.faults.append(f"{place}: kind: expected {', '.join(KINDS)}, {what}")
        return
    found.entries.append(Entry(wanted, place, values))


def _field(column: str) -> str:
    """A column by its field's name: without case, blanks, ``_`` and ``-``."""
    return _FIELDS.get(plain_name(column), column)


_FIELDS = {plain_name(field.encode_name): field.encode_name for kind in KINDS.values() for field in msgspec.structs.fields(kind)}
_FIELDS["kind"] = "kind"


def _meant(name: str, names: object) -> str:
    close = get_close_matches(name, list(names), n=1)  # type: ignore[call-overload]
    return f"; did you mean {shown(close[0])}?" if close else ""
