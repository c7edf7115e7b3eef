"""Stream verbs of the house, beside Bytewax's own: hosting an operator as a keyed, recoverable step."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, ClassVar, Protocol, TypeVar, runtime_checkable

import bytewax.operators as op
from bytewax.operators import KeyedStream, StatefulBatchLogic

from flows.flow import SHARD_KEYS, Context
from schemas.events import Event, RawEnvelope, Watermark
from schemas.symbols import shard_of

In = TypeVar("In")
Out = TypeVar("Out")
In_contra = TypeVar("In_contra", contravariant=True)
Out_co = TypeVar("Out_co", covariant=True)


First = Callable[[str, Sequence[Event[Any]]], Iterable[Any]]
"""From a shard's key and the present contents of topics to the inputs of a fresh step."""


class Hostable(Protocol[In_contra, Out_co]):
    """An operator as the engine hosts it, one instance a shard."""

    adopts_when_fresh: ClassVar[bool]
    """Starting without a state it takes as said all that its topics hold; else nothing."""

    def process(self, item: In_contra) -> Out_co | None:
        """Apply one input; the output, or None where there is none."""

    def join(self, items: list[Any]) -> list[Any]:
        """The same inputs in the same order as fewer, where that is cheaper."""

    def snapshot(self) -> dict[str, Any]:
        """Plain data with a version: an immutable copy, for it is stored later."""

    def adopt(self, events: Iterable[RawEnvelope]) -> None:
        """Take as said what was published after the restored snapshot."""


@runtime_checkable
class Checked(Protocol):
    """An operator of somebody's own, whose state may be one that cannot be stored."""

    def check_state(self) -> None:
        """Refuse such a state; called at the end where nothing is stored, as in a pipe."""


class InOrder(list[Any]):
    """Inputs of one step that came at once, as one item: the engine has a price for each. A hosted step takes them one by one."""


class HostedStep(StatefulBatchLogic[tuple[str, In], Out, Any]):
    """Runs one operator as a step. Emits nothing at the end of input: a stopped run keeps what is open as state."""

    def __init__(
        self,
        step_id: str,
        context: Context,
        make: Callable[[int, dict[str, Any] | None], Hostable[In, Out]],
        first: First | None,
        saved: Any,
    ) -> None:
        self._step_id = step_id
        self._context = context
        self._key = ""
        self._operator: Hostable[In, Out] | None = None
        self._make = make
        self._first = first
        self._saved = saved

    def _start(self, key: str) -> Hostable[In, Out]:
        """The engine never tells a step its key: it comes with the first item, and with the snapshot."""
        self._key = key
        shard = SHARD_KEYS.index(key)
        if self._saved is None:
            operator = self._make(shard, None)
            for control in self._context.controls:
                operator.process(control)  # type: ignore[arg-type]
            for known in self._first(key, self._context.present()) if self._first else ():
                operator.process(known)
            if operator.adopts_when_fresh:
                operator.adopt(self._context.said.since(None))
            return operator
        operator = self._make(shard, self._context.snapshots.load(self._step_id, key, self._saved["state"]))
        operator.adopt(self._context.said.since(self._saved["said"]))
        self._saved = None
        return operator

    def on_batch(self, values: list[tuple[str, In]]) -> tuple[list[Out], bool]:
        outputs: list[Out] = []
        with self._context.failing:
            operator = self._operator = self._operator or self._start(values[0][0])
            inputs: list[Any] = [one for _, value in values for one in (value if isinstance(value, InOrder) else (value,))]
            items = operator.join(inputs) if len(inputs) > 1 else inputs
            outputs = [output for item in items if (output := operator.process(item)) is not None]
        return outputs, StatefulBatchLogic.RETAIN

    def on_notify(self) -> tuple[list[Out], bool]:
        return [], StatefulBatchLogic.RETAIN

    def on_eof(self) -> tuple[list[Out], bool]:
        operator: object = self._operator
        if isinstance(operator, Checked) and not self._context.recovers:
            with self._context.failing:
                operator.check_state()
        return [], StatefulBatchLogic.RETAIN

    def notify_at(self) -> datetime | None:
        return None

    def snapshot(self) -> Any:
        if not self._context.recovers:
            return None
        if self._operator is None:
            return self._saved
        with self._context.failing:
            state = self._context.snapshots.save(self._step_id, self._key, self._operator.snapshot())
            return {"version": 1, "state": state, "said": self._context.said.marks()}


def hosted(
    step_id: str,
    stream: KeyedStream[In],
    context: Context,
    make: Callable[[int, dict[str, Any] | None], Hostable[In, Out]],
    first: First | None = None,
) -> KeyedStream[Out]:
    """Apply an operator per shard; the step's id names stored state.

    Args:
        make: ``make(shard, None)`` starts afresh, ``make(shard, state)`` from a snapshot.
        first: ``first(key, events)``: what a fresh step takes of the present contents of the flow's topics, before anything else comes.
    """
    keyed = op.map(f"{step_id}_name", stream, lambda pair: (pair[0], pair))
    return op.stateful_batch(step_id, keyed, lambda saved: HostedStep(step_id, context, make, first, saved))


def pick(step_id: str, stream: KeyedStream[In], part: str) -> KeyedStream[Any]:
    """One attribute of each item, where it holds anything."""

    def parts(items: list[tuple[str, In]]) -> list[tuple[str, Any]]:
        return [(key, found) for key, item in items if len(found := getattr(item, part))]

    return op.flat_map_batch(step_id, stream, parts)


NO_SHARD = ""
"""Key of what is to be sent on."""

EVERYBODY = "\0"
"""No symbol and no account: what concerns all of them."""


@lru_cache(maxsize=1 << 17)
def shard_key(name: str) -> str:
    """The shard of a symbol or an account."""
    return SHARD_KEYS[shard_of(name.encode("utf-8", "surrogatepass"))]


def by_shard(
    step_id: str, stream: KeyedStream[list[Event[Any] | Watermark]], name_of: Callable[[Event[Any]], str | None]
) -> KeyedStream[InOrder]:
    """Give each event to the shard of a name, and watermarks to all. What comes at once for a shard is one item of the engine's.

    Args:
        name_of: the symbol or account whose events keep their order; EVERYBODY: all shards; None: the event is of no use here.
    """

    def routed(items: list[tuple[str, list[Event[Any] | Watermark]]]) -> list[tuple[str, InOrder]]:
        found: dict[str, InOrder] = {}
        for _, events in items:
            for event in events:
                name = EVERYBODY if isinstance(event, Watermark) else name_of(event)
                if name == EVERYBODY:
                    for key in SHARD_KEYS:
                        found.setdefault(key, InOrder()).append(event)
                elif name is not None:
                    key = shard_key(name)
                    if key not in found:
                        found[key] = InOrder()
                    found[key].append(event)
        return list(found.items())

    return op.flat_map_batch(step_id, stream, routed)


def at_once(step_id: str, stream: KeyedStream[In], join: Callable[[list[In]], In]) -> KeyedStream[In]:
    """What all shards made of a batch as one item, of no shard: it is on its way to all of them."""
    return op.flat_map_batch(step_id, stream, lambda items: [(NO_SHARD, join([item for _, item in items]))] if items else [])


def to_every_shard(step_id: str, stream: KeyedStream[In]) -> KeyedStream[In]:
    """Give each item to all shards."""
    return op.flat_map(step_id, stream, lambda pair: [(key, pair[1]) for key in SHARD_KEYS])
