"""What is told to somebody whose own flow is wrong: as early as it can be seen, with the place in his file."""

from __future__ import annotations

import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from schemas.catalog import EVENT_PAYLOADS, events_of
from schemas.errors import OwnFlowError
from schemas.events import Event, EventType
from schemas.topics import TOPICS

_SCALARS = (str, int, float, bool, type(None), bytes)
_PAGE = "docs/extending.md has one of twenty lines"


def check_flow(name: object, reads: object, writes: object, step: object, base: type) -> None:
    """Refuse what no flow can be made of.

    Raises:
        OwnFlowError: the first thing that is wrong.
    """
    if not isinstance(name, str) or not name or "." in name:
        raise OwnFlowError(f"flow: expected a name without dots, found {name!r}", hint=_PAGE)
    if isinstance(reads, str) or not isinstance(reads, Sequence) or not reads:
        raise OwnFlowError(f"{name}: reads: expected a list of topics such as ['market.bars'], found {reads!r}", hint=_PAGE)
    for topic in reads:
        if topic not in TOPICS:
            raise OwnFlowError(f"{name}: reads: expected one of the topics, found {topic!r}", hint=f"they are: {', '.join(TOPICS)}")
    if not isinstance(writes, str) or not events_of(writes):
        raise OwnFlowError(
            f"{name}: writes: expected a topic of events, found {writes!r}", hint="`trademaster topics list` shows the topics"
        )
    if not callable(step) or (isinstance(step, type) and not issubclass(step, base)):
        shown = step.__name__ if isinstance(step, type) else type(step).__name__
        raise OwnFlowError(f"{name}: step: expected a class that extends Step, found {shown}", hint=_PAGE)


def check_event(name: str, topic: str, said: object) -> None:
    """Refuse what does not belong on the topic.

    Raises:
        OwnFlowError: it is no event, or its type or payload is another's.
    """
    if not isinstance(said, Event):
        raise OwnFlowError(
            f"{name}: process: expected events, found {type(said).__name__}", hint="yield event(...), or return a list of them"
        )
    kind = said.header.event_type
    key = EventType(kind), topic
    if key not in EVENT_PAYLOADS:
        allowed = ", ".join(row.event_type for row in events_of(topic))
        raise OwnFlowError(f"{name}: process: expected an event of {topic}, found {kind}", hint=f"it carries {allowed}")
    wanted = EVENT_PAYLOADS[key]
    if wanted is not None and type(said.payload) is not wanted:  # of a type that nobody of ours says yet any payload will do
        raise OwnFlowError(f"{name}: process: expected a {wanted.__name__} in {kind}, found {type(said.payload).__name__}")


def stored_state(name: str, state: dict[str, Any]) -> bytes:
    """A state as it is kept.

    Raises:
        OwnFlowError: it would not come back as it was; with the place in it.
    """
    try:
        found = _strange(state, "self.state")
        if found is None:
            return msgspec.msgpack.encode(state)
    except RecursionError:
        found = "one that holds itself"
    except UnicodeEncodeError as error:
        found = f"a text that is none: {error}"
    raise OwnFlowError(
        f"{name}: expected a state of dicts, lists, texts and numbers, found {found}", hint="anything else is lost when it is stored"
    )


def _strange(value: Any, at: str) -> str | None:
    if type(value) is dict:
        for key, one in value.items():
            found = f"the key {key!r} in {at}" if type(key) not in (str, int) else _strange(one, f"{at}[{key!r}]")
            if found:
                return found
        return None
    if type(value) is list:
        return next((found for place, one in enumerate(value) if (found := _strange(one, f"{at}[{place}]"))), None)
    if type(value) not in _SCALARS:
        return f"{type(value).__name__} at {at}"
    return f"an integer of more than 64 bits at {at}" if type(value) is int and not -(1 << 63) <= value < 1 << 64 else None


def failure(what: str, error: Exception) -> OwnFlowError:
    """The error of somebody's own code, with the line where it was raised."""
    frames = traceback.extract_tb(error.__traceback__)
    last = frames[-1] if frames and not isinstance(error, SyntaxError) else None  # that one says its place itself
    where = f" ({Path(last.filename).name}, line {last.lineno})" if last else ""
    return OwnFlowError(f"{what} raised {type(error).__name__}: {error}{where}", hint="mend it and start again")
