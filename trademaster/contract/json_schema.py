"""JSON Schema (2020-12) of every payload and of the envelope."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from schemas.catalog import BARE, EVENTS
from schemas.events import EventType, Header, Payload

DIALECT = "https://json-schema.org/draft/2020-12/schema"

JsonObject = dict[str, Any]


def payload_types() -> list[type[msgspec.Struct]]:
    """Every payload that is defined, by name."""
    found: set[type[msgspec.Struct]] = {row.payload for row in EVENTS if row.payload is not None}
    return sorted(found | set(BARE.values()), key=lambda kind: kind.__name__)


def definitions(reference: str) -> JsonObject:
    """Schemas by name of all payloads and the header, pointing to one another by ``reference`` (with ``{name}``)."""
    kinds: list[type[msgspec.Struct]] = [*payload_types(), Header]
    _, found = msgspec.json.schema_components(kinds, ref_template=reference)
    schemas = {name: _as_it_is_read(schema) for name, schema in sorted(found.items())}
    schemas["Header"]["properties"]["eventType"]["enum"] = sorted(str(event_type) for event_type in EventType)
    return schemas


def envelope(payload: JsonObject, header: JsonObject, event_types: Sequence[str] = ()) -> JsonObject:
    """Schema of an event around a payload's schema; ``event_types`` narrows what its header may say."""
    narrowed = {"allOf": [header, {"properties": {"eventType": {"enum": sorted(event_types)}}}]} if event_types else header
    return {
        "type": "object",
        "properties": {"header": narrowed, "payload": payload, "targetService": {"type": ["string", "null"], "default": None}},
        "required": ["header", "payload"],
        "additionalProperties": False,
    }


def documents() -> dict[str, JsonObject]:
    """A document that stands alone for each payload, and ``Envelope``, by name."""
    schemas = definitions("#/$defs/{name}")
    written = {}
    for kind in payload_types():
        name = kind.__name__
        needed = _needed(name, schemas)
        written[name] = {"$schema": DIALECT, "$id": _id(name), **schemas[name]}
        if needed:
            written[name]["$defs"] = needed
    head = {"$schema": DIALECT, "$id": _id("Envelope"), "title": "Envelope", "description": "An event on every topic but market.ticks."}
    written["Envelope"] = {**head, **envelope({"type": "object"}, {"$ref": "#/$defs/Header"}), "$defs": {"Header": schemas["Header"]}}
    return dict(sorted(written.items()))


def is_ours(kind: type[msgspec.Struct]) -> bool:
    """Refuses unknown fields; those of a foreign feed pass."""
    return issubclass(kind, Payload)


def _id(name: str) -> str:
    return f"urn:trademaster:schema:{name}:1"


def _needed(name: str, schemas: JsonObject) -> JsonObject:
    """Definitions that one schema points to, and those that these point to."""
    found: set[str] = set()
    waiting = [schemas[name]]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            target = str(node.get("$ref", "")).rpartition("/")[2]
            if target and target not in found:
                found.add(target)
                waiting.append(schemas[target])
            waiting += list(node.values())
        elif isinstance(node, list):
            waiting += node
    return {target: schemas[target] for target in sorted(found - {name})}


def _as_it_is_read(node: Any) -> Any:
    """msgspec says how a decimal is written (a text); here stands what is accepted: a JSON number too."""
    if isinstance(node, list):
        return [_as_it_is_read(item) for item in node]
    if not isinstance(node, dict):
        return node
    plain = {key: _as_it_is_read(value) for key, value in node.items()}
    if plain.get("format") == "decimal":
        plain["type"] = ["string", "number"]
    return plain
