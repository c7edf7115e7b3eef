"""One AsyncAPI 3.0 document: channels are topics, messages are types of events, operations say who writes."""

from __future__ import annotations

from typing import Any

from schemas.catalog import BARE, EventRow, events_of
from schemas.topics import DAYS_KEPT, LANE_BUDGET_MS, TOPICS, Lane, Topic
from trademaster import __version__
from trademaster.contract.json_schema import JsonObject, definitions, envelope

_SCHEMAS = "#/components/schemas/"
_DAY_MS = 86_400_000


def document() -> JsonObject:
    """The document, the same each time. Payloads that are not defined yet are any object."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "TradeMaster Streams",
            "version": __version__,
            "description": "Market ticks and order events become positions, P&L, risk and signals. Every topic but market.ticks carries "
            "events in an envelope; times are RFC 3339 in UTC with nanoseconds, money of orders and positions is decimal text.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {name: _channel(row) for name, row in TOPICS.items()},
        "operations": {_operation_name(row): _operation(row) for row in TOPICS.values()},
        "components": {
            "messages": {name: message for row in TOPICS.values() for name, message in _messages(row).items()},
            "schemas": definitions(_SCHEMAS + "{name}"),
        },
    }


def _channel(row: Topic) -> JsonObject:
    return {
        "address": row.name,
        "description": _description(row),
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in _messages(row)},
        "bindings": {"kafka": {"topic": row.name, "topicConfiguration": _kept(row), "bindingVersion": "0.5.0"}},
        "x-key": row.key,
        "x-partition-by": row.partition_by,
        "x-partitions": 1 if row.single else "topics.partitions",
        "x-lane": row.lane.name.lower(),
        **({} if row.lane is Lane.IN else {"x-lane-budget-ms": LANE_BUDGET_MS[row.lane]}),
    }


def _description(row: Topic) -> str:
    kept = "the latest record of each key is kept" if row.compacted else f"records are kept {DAYS_KEPT} days"
    parts = "one partition, read whole by every shard" if row.single else f"partitioned by {row.partition_by}"
    return f"Key: {row.key}; {parts}; {kept}."


def _kept(row: Topic) -> JsonObject:
    if row.compacted:
        return {"cleanup.policy": ["compact"]}
    return {"cleanup.policy": ["delete"], "retention.ms": DAYS_KEPT * _DAY_MS}


def _operation_name(row: Topic) -> str:
    return f"{_action(row)}.{row.name}"


def _action(row: Topic) -> str:
    return "receive" if row.lane is Lane.IN else "send"


def _operation(row: Topic) -> JsonObject:
    channel = f"#/channels/{row.name}"
    return {
        "action": _action(row),
        "channel": {"$ref": channel},
        "summary": f"{'Read' if row.lane is Lane.IN else 'Write'} {row.name}",
        "messages": [{"$ref": f"{channel}/messages/{name}"} for name in _messages(row)],
    }


def _messages(row: Topic) -> dict[str, JsonObject]:
    if row.name in BARE:
        return {BARE[row.name].__name__: _bare_message(row.name)}
    return {event.name: _message(event) for event in events_of(row.name)}


def _bare_message(topic: str) -> JsonObject:
    kind = BARE[topic]
    one: JsonObject = {"$ref": _SCHEMAS + kind.__name__}
    return {
        "name": kind.__name__,
        "title": kind.__name__,
        "summary": str(kind.__doc__),
        "payload": {"oneOf": [one, {"type": "array", "items": one}]},
    }


def _message(event: EventRow) -> JsonObject:
    payload: Any = {"type": "object", "description": "Not defined yet."}
    if event.payload is not None:
        payload = {"$ref": _SCHEMAS + event.payload.__name__}
    return {
        "name": event.name,
        "title": str(event.event_type),
        "payload": envelope(payload, {"$ref": _SCHEMAS + "Header"}, [str(event.event_type)]),
        "correlationId": {"location": "$message.payload#/header/correlationId"},
        "x-priority": event.priority,
    }
