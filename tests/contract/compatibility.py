"""What breaks a reader or a writer who knows an older contract, found by comparing two of them.

Within a version fields may be added if they are optional, as may definitions, types of events, topics and words of an enumeration. All
else is a complaint: what was taken away, renamed (which is taken away), has another type, must be given now, or is bounded more narrowly.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Json = dict[str, Any]

_WORDS_THAT_EXPLAIN = {"title", "description", "examples"}
_MAY_FALL = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_MAY_RISE = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")


def distilled(document: Json) -> Json:
    """The contract in an AsyncAPI document of ours: topics with what they carry, and schemas without their prose."""
    messages = document["components"]["messages"]
    topics = {}
    for name, channel in document["channels"].items():
        topics[name] = {
            "key": channel["x-key"],
            "partitionBy": channel["x-partition-by"],
            "kept": channel["bindings"]["kafka"]["topicConfiguration"]["cleanup.policy"],
            "carries": {message: _payload_of(messages[message]["payload"]) for message in sorted(channel["messages"])},
        }
    return {"topics": topics, "schemas": {name: _plain(schema) for name, schema in document["components"]["schemas"].items()}}


def _payload_of(schema: Json) -> Json:
    """Of an envelope what its payload is; a bare message as it is."""
    plain: Json = _plain(schema)
    return plain["properties"]["payload"] if "payload" in plain.get("properties", {}) else plain


def _plain(node: Any) -> Any:
    if isinstance(node, list):
        return [_plain(item) for item in node]
    if not isinstance(node, dict):
        return node
    # Inside "properties" the names are the fields', and one of them may be "title".
    return {
        name: {field: _plain(schema) for field, schema in value.items()} if name == "properties" else _plain(value)
        for name, value in node.items()
        if name not in _WORDS_THAT_EXPLAIN
    }


def complaints(old: Json, new: Json) -> list[str]:
    """What of the old contract the new one breaks, a line each; both as of ``distilled``."""
    return [*_of_topics(old["topics"], new["topics"]), *_of_schemas(old["schemas"], new["schemas"])]


def additions(old: Json, new: Json) -> list[str]:
    """What the new contract has that the old one has not: allowed, and to be stored, so that it is held from now on."""
    return sorted(_leaves(new) - _leaves(old))


def _leaves(node: Any, path: str = "") -> set[str]:
    if isinstance(node, dict) and node:
        return {leaf for name, value in node.items() for leaf in _leaves(value, f"{path}/{name}")}
    if isinstance(node, list):
        return {leaf for value in node for leaf in _leaves(value, path)}
    return {f"{path}: {node}"}


def _of_topics(old: Json, new: Json) -> Iterator[str]:
    for topic, was in old.items():
        if topic not in new:
            yield f"topic {topic} was taken away"
            continue
        for name in ("key", "partitionBy", "kept"):
            if was[name] != new[topic][name]:
                yield f"topic {topic}: {name} was {was[name]!r} and is {new[topic][name]!r}"
        for message, payload in was["carries"].items():
            now = new[topic]["carries"].get(message)
            if now is None:
                yield f"topic {topic}: it carried {message}, which was taken away"
            elif "$ref" in payload or "oneOf" in payload:  # a payload that was not defined may become so
                yield from (f"topic {topic}: {message}: {line}" for line in _of_schema(payload, now))


def _of_schemas(old: Json, new: Json) -> Iterator[str]:
    for name, schema in old.items():
        if name not in new:
            yield f"{name} was taken away"
        else:
            yield from (f"{name}{line}" for line in _of_schema(schema, new[name]))


def _of_schema(old: Json, new: Json) -> Iterator[str]:
    """Complaints about a schema; each begins with where it is."""
    before, after = _alternatives(old), _alternatives(new)
    if len(before) > 1 or len(after) > 1:
        yield from _of_alternatives(before, after)
        return
    for name in ("type", "$ref", "const", "format", "pattern"):
        if _as_set(old.get(name)) != _as_set(new.get(name)):
            yield f": {name} was {old.get(name)!r} and is {new.get(name)!r}"
    if "default" in old and old["default"] != new.get("default", ...):
        yield f": it was {old['default']!r} where it is left out, and is {new.get('default', 'no longer given')!r}"
    if "enum" in new and "enum" not in old:
        yield f": it could be any word and is one of {new['enum']}"
    gone = [word for word in old.get("enum", ()) if word not in new.get("enum", [word])]
    if gone:
        yield f": of its words {gone} were taken away"
    yield from _of_bounds(old, new)
    yield from _of_fields(old, new)
    for name in ("items", "additionalProperties"):
        if isinstance(old.get(name), dict) and isinstance(new.get(name), dict):
            yield from (f"[]{line}" for line in _of_schema(old[name], new[name]))
        elif name == "additionalProperties" and old.get(name, True) is not False and new.get(name, True) is False:
            yield ": unknown fields were passed over and are refused"


def _of_fields(old: Json, new: Json) -> Iterator[str]:
    for field, schema in old.get("properties", {}).items():
        if field not in new.get("properties", {}):
            yield f".{field} was taken away or renamed"
        else:
            yield from (f".{field}{line}" for line in _of_schema(schema, new["properties"][field]))
    for field in new.get("required", ()):
        if field not in old.get("required", ()):
            yield f".{field} was optional or not there, and must be given now"


def _of_bounds(old: Json, new: Json) -> Iterator[str]:
    for name in (*_MAY_FALL, *_MAY_RISE):
        if name in new and (name not in old or (new[name] > old[name] if name in _MAY_FALL else new[name] < old[name])):
            yield f": {name} was {old.get(name, 'not bounded')} and is {new[name]}"


def _of_alternatives(before: list[Json], after: list[Json]) -> Iterator[str]:
    """Each alternative must still be there, and a reader who knew these must not meet another."""
    for one in before:
        if not any(_fits(one, other) for other in after):
            yield f": it could be {_named(one)}, which was taken away or changed"
    for other in after:
        if not any(_fits(one, other) for one in before):
            yield f": it can be {_named(other)} now, for which nobody is prepared"


def _fits(old: Json, new: Json) -> bool:
    return next(_of_schema(old, new), None) is None


def _named(schema: Json) -> str:
    return str(schema.get("$ref", "") or schema.get("type", schema)).rpartition("/")[2]


def _alternatives(schema: Json) -> list[Json]:
    """Of ``anyOf``, ``oneOf`` and a list of types."""
    for name in ("anyOf", "oneOf"):
        if name in schema:
            rest = {key: value for key, value in schema.items() if key != name}
            return [{**rest, **inner} for one in schema[name] for inner in _alternatives(one)]
    if isinstance(schema.get("type"), list):
        return [{**schema, "type": one} for one in schema["type"]]
    return [schema]


def _as_set(value: Any) -> Any:
    return frozenset(value) if isinstance(value, list) else value
