"""The input of ``trademaster pipe`` as steps: each is processed whole before the next begins.

A run of ticks is one step of at most STEP_TICKS lines (of one, where a flow of accounts runs) and little more than STEP_BYTES; any other
line is a step of its own. So steps, and with them every answer, depend on the input alone: not on how a pipe hands it over.
"""

from __future__ import annotations

import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, TypeVar

import numpy as np

from flows.flow import SHARD_KEYS
from operators.market.shards import split
from operators.market.watermarks import fill_watermarks
from schemas.bus import Batch
from schemas.control_codec import decode_control
from schemas.dead_letters import Reason, Reject
from schemas.errors import RejectedRecord, UsageError
from schemas.event_reading import EVENT_TOPICS
from schemas.events import Place, Watermark
from schemas.tick_codec import TickDecoder
from schemas.ticks import NO_SYMBOL, WATERMARK, Rows, empty_rows
from schemas.times import END_OF_TIME_NS
from sources import csv, parquet
from sources.bare_payloads import envelope
from sources.columns import TableOptions
from sources.input_files import Source
from sources.jsonl import LineBlock, read_lines
from sources.payloads import PayloadBlock
from sources.table import BadLine, TickBlock
from trademaster.engine.bus_part import REJECTED, Item
from trademaster.engine.event_parts import CONTROL, EVENTS, items_of
from trademaster.engine.pipe import LINE_NS, Step, inputs_of, is_by_line, run_pipe
from trademaster.line_times import Ahead, LineTimes, own_time_ns
from trademaster.settings import Settings

STEP_TICKS = 10_000
STEP_BYTES = 16 << 20

TICKS, BARS, MARKS, TRADING = "market.ticks", "market.bars", "market.marks", "control.trading"

Result = TypeVar("Result")


class _Run:
    """Lines that make one step: ticks, and what is none."""

    __slots__ = ("_most", "entries", "lines", "rejects", "size", "values")

    def __init__(self, most: int) -> None:
        self._most = most
        self.lines: list[int] = []
        self.values: list[bytes] = []
        self.rejects: list[Reject] = []
        self.entries = self.size = 0

    @property
    def is_full(self) -> bool:
        return self.entries >= self._most or self.size >= STEP_BYTES

    def add(self, line: int, value: bytes) -> None:
        self.lines.append(line)
        self.values.append(value)
        self.entries += 1
        self.size += len(value)

    def refuse(self, reject: Reject) -> None:
        self.rejects.append(reject)
        self.entries += 1
        self.size += len(reject.payload)


class PipeInput:
    """Turns lines or rows into steps.

    Attributes:
        lines: number of the last line seen.
        ticks: ticks taken, good and bad.
    """

    def __init__(self, topics: Sequence[str], topic: str, step_ticks: int = STEP_TICKS) -> None:
        """``topics`` are those that the flows read, ``topic`` is that of bare values and of rows; a step has ``step_ticks`` lines."""
        self._step_ticks = step_ticks
        self._topics = topics
        self._topic = topic
        self._decoder = TickDecoder()
        self._watermarks: dict[int, int] = {}
        self._times = LineTimes()
        self.lines = 0
        self.ticks = 0

    def from_file(self, path: Path, options: TableOptions) -> Iterator[Step]:
        """Steps of a file of JSON lines, CSV or Parquet, by its ending (``.gz`` too).

        Raises:
            UsageError: the ending says none of these.
        """
        endings = [ending for ending in path.suffixes[-2:] if ending != ".gz"]
        kind = endings[-1] if endings else ""
        if kind in (".jsonl", ".ndjson", ".json"):
            return self.from_lines(path)
        if kind not in (".csv", ".tsv", ".txt", ".parquet"):
            raise UsageError(f"expected a file ending in .jsonl, .csv or .parquet, found {path.name}")
        if self._topic not in self._topics:
            raise UsageError(f"--topic: expected one that the flows read ({', '.join(self._topics)}), found {self._topic}")
        reader = parquet if kind == ".parquet" else csv
        if self._topic == TICKS:
            return self._tick_steps(reader.read_ticks(path, options))
        return self._payload_steps(reader.read_payloads(path, self._topic, options))

    def from_lines(self, source: Source) -> Iterator[Step]:
        """Steps of lines ``{"topic": ..., "value": ...}``, or of bare values."""
        return self._steps(read_lines(source, self._topic))

    def last(self) -> Step:
        """What the end of the input makes: no event comes after it."""
        rows = empty_rows(1)
        rows["kind"], rows["symbol"], rows["time"], rows["offset"] = WATERMARK, NO_SYMBOL, END_OF_TIME_NS, self.lines
        ends: Step = [(topic, (EVENTS, [Watermark(END_OF_TIME_NS)])) for topic in self._topics if topic in EVENT_TOPICS]
        bars: Step = [(BARS, (key, Watermark(END_OF_TIME_NS))) for key in SHARD_KEYS] if BARS in self._topics else []
        return [*(self._frames(rows, []) if TICKS in self._topics else []), *ends, *bars]

    def _tick_steps(self, blocks: Iterable[TickBlock]) -> Iterator[Step]:
        for block in blocks:
            bad = deque(sorted(block.rejects, key=lambda line: line.line))
            size = self._step_ticks
            last = max(len(block.rows) - 1, 0) // size * size
            for start in range(0, last + 1, size):
                rows = block.rows[start : start + size]
                self.lines = max(self.lines, int(rows["offset"][-1])) if len(rows) else self.lines
                rejects = []
                while bad and (start == last or bad[0].line < self.lines):
                    rejects.append(_refused(TICKS, bad.popleft()))
                self.lines = max([self.lines, *(reject.offset for reject in rejects)])
                yield self._frames(rows, rejects)

    def _payload_steps(self, blocks: Iterable[PayloadBlock]) -> Iterator[Step]:
        return self._steps(
            LineBlock(block.lines.tolist(), [self._topic] * len(block.payloads), block.payloads, block.rejects) for block in blocks
        )

    def _steps(self, blocks: Iterable[LineBlock]) -> Iterator[Step]:
        """Runs of ticks, and other lines, in the order of the lines, wherever the blocks were cut. Bad lines do not end a run."""
        run, following = _Run(self._step_ticks), Ahead(blocks)
        for block in following:
            bad = deque(sorted(block.rejects, key=lambda line: line.line))
            for at, (line, topic, value) in enumerate(zip(block.lines, block.topics, block.values, strict=True)):
                self._times.look_ahead(block, at, following)
                while bad and bad[0].line < line:
                    run.refuse(_refused(self._topic, bad.popleft()))
                    if run.is_full:
                        yield self._ticks(run)
                        run = _Run(self._step_ticks)
                is_tick = topic == TICKS and TICKS in self._topics
                if is_tick:
                    run.add(line, value)
                if run.is_full or (run.entries and not is_tick):
                    yield self._ticks(run)
                    run = _Run(self._step_ticks)
                if not is_tick:
                    yield self._event(topic, line, value, block.keys.get(line))
            for left in bad:
                run.refuse(_refused(self._topic, left))
            self.lines = max([self.lines, *block.lines[-1:], *(line.line for line in bad)])
        if run.entries:
            yield self._ticks(run)

    def _ticks(self, run: _Run) -> Step:
        values, numbers = run.values, np.array(run.lines, np.int64)
        batch = Batch(
            topic=TICKS,
            data=np.frombuffer(b"".join(values), np.uint8),
            ends=np.cumsum(np.fromiter(map(len, values), np.int64, len(values))),
            partition=np.zeros(len(values), np.int32),
            offset=numbers,
            timestamp_ms=numbers,
        )
        decoded = self._decoder.decode(batch)
        return self._frames(decoded.rows, [*run.rejects, *decoded.rejects])

    def _frames(self, rows: Rows, rejects: Sequence[Reject]) -> Step:
        self._watermarks = fill_watermarks(rows, self._watermarks)
        if len(rows):
            self._times.pass_time(int(rows["time"].max()))
        self.ticks += len(rows) + len(rejects)
        step: list[tuple[str, Item]] = [(TICKS, (SHARD_KEYS[shard], frame)) for shard, frame in split(rows)]
        return [*step, self._rejected(rejects)] if rejects else step

    def _event(self, topic: str, line: int, value: bytes, key: bytes | None) -> Step:
        try:
            return [(topic, item) for item in self._items(topic, line, value, key)]
        except RejectedRecord as error:
            return [self._rejected([Reject(topic, 0, line, -1, Reason(error.reason), str(error), value, line * LINE_NS)])]

    def _items(self, topic: str, line: int, value: bytes, key: bytes | None) -> Sequence[Item]:
        if topic not in self._topics:
            raise RejectedRecord(Reason.MALFORMED, f"expected a topic that the flows read ({', '.join(self._topics)}), found {topic}")
        if topic in EVENT_TOPICS:
            own_ns = own_time_ns(topic, value)
            items = items_of(Place(topic, 0, line), None, envelope(topic, line, value, None if own_ns >= 0 else self._times.time_of(topic)))
            self._times.pass_time(own_ns)
            return items
        if topic in (BARS, MARKS):
            return items_of(Place(topic, 0, line), None, envelope(topic, line, value))
        control, own_id = decode_control(topic, key, value, 0, line), f"{topic}|{line}"
        if topic == TRADING and not control.time_ns:  # what it makes is an event, and happened when event time had come so far
            control = replace(control, time_ns=self._times.time_of(topic) or line * LINE_NS)
        return [(CONTROL, control if control.event_id else replace(control, id=control.id or own_id, event_id=own_id))]

    def _rejected(self, rejects: Sequence[Reject]) -> tuple[str, Item]:
        """Dead letters travel beside any topic that is read."""
        return self._topics[0], (REJECTED, list(rejects))


class _Guard:
    """Keeps what goes wrong outside of the engine from it: it would panic, and tell a user of Rust instead of the file.

    After a failure of the input, of a step or of the output, and after Ctrl-C, the input ends and nothing more is written. Entered, it
    guards the work of a step.
    """

    def __init__(self, steps: Iterator[Step], out: BinaryIO) -> None:
        self._steps = steps
        self._out = out
        self._is_waiting = False
        self.failure: BaseException | None = None

    def __enter__(self) -> None: ...

    def __exit__(self, _type: object, error: BaseException | None, _traceback: object) -> bool:
        if isinstance(error, Exception):
            self.failure = self.failure or error
        return isinstance(error, Exception)

    def steps(self) -> Iterator[Step]:
        """The steps up to a failure."""
        step = self._attempt(lambda: next(self._steps, None))
        while step is not None:
            yield step
            step = self._attempt(lambda: next(self._steps, None))

    def writelines(self, lines: Iterable[bytes]) -> None:
        """Write, unless something has failed."""
        self._attempt(lambda: self._out.writelines(lines))

    def flush(self) -> None:
        """Flush, unless something has failed."""
        self._attempt(self._out.flush)

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        """Ctrl-C ends the input; it is raised only where somebody else is waited for, never within the engine."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = signal.signal(signal.SIGINT, self._interrupt)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)

    def _interrupt(self, _signal: int, _frame: object) -> None:
        self.failure = self.failure or KeyboardInterrupt()
        if self._is_waiting:
            raise KeyboardInterrupt

    def _attempt(self, act: Callable[[], Result]) -> Result | None:
        if self.failure is not None:
            return None
        try:
            self._is_waiting = True
            return act()
        except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001  (all of it is raised again, outside of the engine)
            self.failure = error
            return None
        finally:
            self._is_waiting = False


def run_pipe_over(
    settings: Settings,
    flows: Sequence[str],
    source: Path | BinaryIO,
    out: BinaryIO,
    *,
    topic: str = TICKS,
    table: TableOptions | None = None,
) -> dict[str, int]:
    """Run flows over a file, or over JSON lines of a stream; the events written, by topic.

    Args:
        settings: of the program.
        flows: names.
        source: a file, by its ending, or a stream of lines.
        out: takes a JSON line an event.
        topic: of rows and of bare values.
        table: how to read rows.

    Raises:
        UsageError: the file, or how it shall be read, is not as expected.
        BrokenPipeError: nobody reads ``out`` any more.
        KeyboardInterrupt: Ctrl-C.
    """
    lines = PipeInput(inputs_of(flows), topic, 1 if is_by_line(flows) else STEP_TICKS)
    steps = lines.from_file(source, table or TableOptions()) if isinstance(source, Path) else lines.from_lines(source)
    guard = _Guard(steps, out)
    with guard.interruptible():
        written = run_pipe(settings, flows, guard.steps(), lambda: [] if guard.failure else lines.last(), guard, guard)  # type: ignore[arg-type]
    if guard.failure is not None:
        raise guard.failure
    return written


def _refused(topic: str, line: BadLine) -> Reject:
    return Reject(topic, 0, line.line, -1, line.reason, line.detail, line.text, line.line * LINE_NS)
