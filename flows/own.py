"""What a flow of one's own needs, in one import: an operator that says events, and the flow around it. See ``docs/extending.md``.

Made for ease, not for a million ticks a second: bars and events come one by one. A flow that is as fast as ours is built like ours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any, ClassVar, cast

import bytewax.operators as op
import msgspec
import numpy as np
from bytewax.operators import KeyedStream

from flows.flow import Context, Flow, Streams, step_id
from flows.own_checks import check_event, check_flow, failure, stored_state
from flows.table import FlowRow
from flows.verbs import by_shard, hosted, pick, to_every_shard
from schemas.control import Control
from schemas.errors import OwnFlowError
from schemas.event_outgoing import event_encoder
from schemas.events import LANES, NOWHERE, Envelope, Event, EventType, Header, Payload, Place, RawEnvelope, Watermark
from schemas.market import Bar
from schemas.market_codec import mark_event
from schemas.market_frames import BAR
from schemas.market_reading import bars_of
from schemas.pnl_codec import pnl_event
from schemas.signals import Signal
from schemas.ticks import TickFrame
from schemas.times import format_time, parse_time
from schemas.topics import TOPICS

__all__ = ["Bar", "Control", "Event", "EventType", "Events", "Item", "Signal", "Step", "TickFrame", "Watermark", "event", "flow"]

Item = Any
"""A Bar, a TickFrame, an Event, a Control or a Watermark, by what the flow reads."""

Events = Iterable[Event[Any]]


class Step:
    """An operator of one's own: one instance for each of sixteen shards of symbols or accounts. All that it knows is in ``self.state``.

    Attributes:
        state: plain data (dicts, lists, texts, numbers), empty at first. It is stored at each epoch, and there again after a crash.
        settings: of the program.
    """

    def __init__(self, settings: Any) -> None:
        self.settings = settings
        self.state: dict[str, Any] = {}

    def process(self, item: Item) -> Events:
        """Events that one input makes. No clock and no chance: the same inputs must make the same events, with the same ids."""
        raise NotImplementedError


def event(event_type: EventType, event_id: str, payload: Payload, time: int | str, source: str = "own") -> Event[Any]:
    """An event to be written.

    Args:
        event_type: one that the topic carries.
        event_id: what made it, so that a repeat has the same one: such as ``breakout|AMZN|`` and the bar's end.
        payload: as the type demands.
        time: event time, as text or UTC ns.
        source: the flow.
    """
    header = Header(event_id, event_id, event_type.value, int(LANES[event_type]), format_time(parse_time(time)), source)
    return Event(header, payload, parse_time(time), NOWHERE)


def flow(
    name: str, *, reads: Sequence[str], writes: str, step: Callable[[Any], Step], key: Callable[[Event[Any]], str] | None = None
) -> Flow:
    """The flow around a step.

    Args:
        name: of the flow; it names stored state too.
        reads: topics. Ticks and bars come to the shard of their symbol, control events to every shard.
        writes: a topic.
        step: makes the step of a shard from the settings: the class itself.
        key: of other events, the symbol or account whose order counts; None: the payload's account, else its symbol.

    Raises:
        OwnFlowError: one of these cannot be.
    """
    check_flow(name, reads, writes, step, Step)
    row = FlowRow(name=name, reads=tuple(dict.fromkeys(reads)), writes=(writes,))

    def build(inputs: Streams, context: Context) -> Streams:
        def key_of(event: Event[Any]) -> str | None:
            found = None
            with context.failing:
                try:
                    found = str((key or _account_or_symbol)(event))
                except Exception as error:
                    raise failure(f"{name}: key", error) from error
            return found

        routed = [_routed(f"{name}_{topic}", topic, inputs[topic], key_of) for topic in row.reads]
        make = partial(_Hosted, name, writes, step, context)
        made = hosted(name, op.merge(f"{name}_inputs", *routed), context, make)
        return {writes: pick(f"{name}_events", made, "events")}

    return Flow(row=row, build=build, encode=lambda _: {writes: event_encoder(writes)})


_EVENT_OF: dict[str, Callable[[np.void], Envelope[Any]]] = {"market.marks": mark_event, "portfolio.pnl": pnl_event}
"""Topics that flow inside as columns: the event of a row."""


def _routed(step: str, topic: str, stream: KeyedStream[Any], key: Callable[[Event[Any]], str | None]) -> KeyedStream[Any]:
    if TOPICS[topic].single:
        return to_every_shard(step_id(step), stream)
    if topic in ("market.ticks", "market.bars"):
        return stream
    if topic in _EVENT_OF:
        stream = op.map_value(step_id(step, "events"), stream, partial(_as_events, topic))
    return by_shard(step_id(step), stream, key)


def _as_events(topic: str, item: Any) -> list[Event[Any] | Watermark]:
    """Rows of columns as events; what are events already stays."""
    if not isinstance(item, np.ndarray):
        return cast("list[Event[Any] | Watermark]", item)
    pairs = [(_EVENT_OF[topic](row), int(row["offset"])) for row in item]
    return [Event(one.header, one.payload, parse_time(one.header.timestamp), Place(topic, 0, offset)) for one, offset in pairs]


def _account_or_symbol(event: Event[Any]) -> str:
    said = event.payload
    fields = said if isinstance(said, dict) else {"account": getattr(said, "account", None), "symbol": getattr(said, "symbol", None)}
    return str(fields.get("account") or fields.get("symbol") or "")


class _Made(msgspec.Struct, frozen=True, gc=False):
    events: list[Event[Any]]


def _caused(said: Event[Any], cause: Place) -> Event[Any]:
    return Event(said.header, said.payload, said.time_ns, cause)


class _Hosted:
    """A step as flows host it."""

    adopts_when_fresh: ClassVar[bool] = False

    def __init__(
        self, name: str, writes: str, make: Callable[[Any], Step], context: Context, shard: int, state: dict[str, Any] | None
    ) -> None:
        del shard
        self._name, self._writes = name, writes
        self._is_stored, self._unchecked = context.recovers, 0
        try:
            self._step = make(context.settings)
        except Exception as error:
            raise failure(f"{name}: making the step", error) from error
        if not isinstance(getattr(self._step, "state", None), dict):
            raise OwnFlowError(
                f"{name}: expected a step with a state, found none", hint="an __init__ of its own begins with super().__init__(settings)"
            )
        if state is not None:
            self._step.state = msgspec.msgpack.decode(state["state"])

    def process(self, item: Item) -> _Made | None:
        try:
            events = [_caused(self._checked(said), cause) for one, cause in self._each(item) for said in self._step.process(one) or ()]
        except OwnFlowError:
            raise
        except Exception as error:
            raise failure(f"{self._name}: process", error) from error
        self._unchecked -= 1
        if self._unchecked < 0 and not self._is_stored:
            self.check_state()
        return _Made(events) if events else None

    def check_state(self) -> None:
        """Refuse what no run could store; during a pipe now and then, the rarer the larger it is."""
        self._unchecked = len(stored_state(self._name, self._step.state)) // 16

    def _checked(self, said: object) -> Event[Any]:
        check_event(self._name, self._writes, said)
        return said  # type: ignore[return-value]

    def _each(self, item: Item) -> Iterator[tuple[Item, Place]]:
        """What the step is given, one at a time, and the record that it was."""
        if isinstance(item, np.ndarray) and item.dtype == BAR:
            configured = tuple(str(interval) for interval in self._step.settings.market.intervals)
            yield from ((bar, Place("market.bars", 0, offset)) for bar, offset in bars_of(item, configured))
        elif isinstance(item, TickFrame):
            yield item, Place("market.ticks", int(item.rows["partition"][-1]), int(item.rows["offset"][-1]))
        else:
            yield item, getattr(item, "place", NOWHERE)

    def join(self, items: list[Item]) -> list[Item]:
        return items

    def snapshot(self) -> dict[str, Any]:
        return {"version": 1, "state": stored_state(self._name, self._step.state)}

    def adopt(self, events: Iterable[RawEnvelope]) -> None:
        """What is said follows from the inputs."""
