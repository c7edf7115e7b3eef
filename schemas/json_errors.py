"""What msgspec says of bad JSON, said so that it names the field, what was expected and what was found."""

from __future__ import annotations

import re

import msgspec

JSON_ERRORS = (msgspec.DecodeError, ValueError, RecursionError, OverflowError)
"""What msgspec raises on bad bytes: its own errors, UnicodeDecodeError inside strings, and RecursionError on deep nesting."""

_TOO_DEEP = "expected JSON of a sane depth, found one nested too deeply"

MAX_FOUND = 80
"""Characters of a found value that a message shows."""

_skim = msgspec.json.Decoder(msgspec.Raw).decode
_skim_object = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_skim_array = msgspec.json.Decoder(list[msgspec.Raw]).decode

_PATH = re.compile(r" - at `(key in )?\$([^`]*)`$")
_MISSING = re.compile(r"Object missing required field `([^`]*)`")
_EXPECTED = re.compile(r"Expected `(.*)`, got `(.*)`")
_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]")
# NaN and infinities as Python's json writes them. The strings that replace them are as long, so that positions stay.
_NOT_FINITE = re.compile(rb'"(?:[^"\\]|\\.)*"|NaN|-?Infinity', re.DOTALL)
_INSTEAD = {b"NaN": b'"N"', b"Infinity": b'"Infini"', b"-Infinity": b'"-Infini"'}


def shown(value: object) -> str:
    """A value for a message, as JSON where it can be, cut at MAX_FOUND characters."""
    try:
        text = msgspec.json.encode(value).decode("utf-8", "replace")
    except (TypeError, ValueError, OverflowError, msgspec.MsgspecError):
        text = repr(value)
    return text if len(text) <= MAX_FOUND else text[:MAX_FOUND] + "..."


def shown_bytes(raw: bytes) -> str:
    """The beginning of a JSON text, or of what should be one, for a message."""
    text = raw[: 4 * MAX_FOUND].decode("utf-8", "backslashreplace")
    text = "".join(letter if letter.isprintable() else f"\\x{ord(letter):02x}" for letter in text)
    return text if len(text) <= MAX_FOUND else text[:MAX_FOUND] + "..."


def without_nan(raw: bytes) -> bytes | None:
    """The same text with strings in place of NaN and infinities, position for position; None if it holds none of them."""
    if b"NaN" not in raw and b"Infinity" not in raw:
        return None
    mended = _NOT_FINITE.sub(lambda match: _INSTEAD.get(match.group(), match.group()), raw)
    return None if mended == raw else mended


def field_of(error: Exception) -> tuple[str, bool]:
    """Path of the field an error is about (``payload.price``; empty: the whole) and whether it is missing altogether."""
    message = str(error)
    path = _PATH.search(message)
    inside = path.group(2).lstrip(".") if path else ""
    missing = _MISSING.match(message)
    if missing:
        return f"{inside}.{missing.group(1)}".lstrip("."), True
    return inside, False


def is_json(raw: bytes) -> bool:
    """Whether bytes are one JSON text; numbers may be out of any range."""
    try:
        _skim(raw)
    except JSON_ERRORS:
        return False
    return True


def found_at(path: str, raw: bytes) -> str:
    """The JSON text of what stands at a path of valid JSON (of what is there, where the path does not lead further), for a message."""
    for name, place in _STEP.findall("." + path if path and path[0] != "[" else path):
        try:
            raw = bytes(_skim_object(raw)[name] if name else _skim_array(raw)[int(place)])
        except (*JSON_ERRORS, LookupError):
            break
    return shown_bytes(raw)


def explained(error: Exception, raw: bytes) -> str:
    """The message for an error that decoding ``raw`` raised."""
    message = str(error)
    if isinstance(error, RecursionError):
        return _TOO_DEEP
    if isinstance(error, UnicodeDecodeError):
        return f"expected UTF-8, found {error.object[error.start : error.start + 4]!r} in a string"
    if not isinstance(error, msgspec.ValidationError) or not is_json(raw):
        try:
            _skim(raw)
        except JSON_ERRORS as broken:
            message = str(broken)
            if isinstance(broken, RecursionError):
                return _TOO_DEEP
        return f"expected JSON, found {shown_bytes(raw)}: {message.removeprefix('JSON is malformed: ')}"
    path, missing = field_of(error)
    if missing:
        return f"expected the field {path}, found none"
    found = found_at(path, raw)
    expected = _EXPECTED.match(message)
    if expected:
        return f"expected {expected.group(1).replace(' | ', ' or ')} in {path or 'the record'}, found {found}"
    clear = _PATH.sub("", message)
    return f"{clear[:1].lower()}{clear[1:]} in {path or 'the record'}, found {found}"
