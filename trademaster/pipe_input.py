"""The input of ``trademaster pipe`` as steps: each is processed whole before the next begins.

A run of ticks is one step of at most STEP_TICKS lines and little more than STEP_BYTES; any other line is a step of its own. So steps, and
with them every answer, depend on the input alone: not on how a pipe hands it over.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np

from flows.flow import SHARD_KEYS
from operators.market.shards import split
from operators.market.watermarks import fill_watermarks
from schemas.bus import Batch
from schemas.control_codec import decode_control
from schemas.dead_letters import Reason, Reject
from schemas.errors import RejectedRecord, UsageError
from schemas.tick_codec import TickDecoder
from schemas.ticks import NO_SYMBOL, WATERMARK, Rows, empty_rows
from schemas.times import END_OF_TIME_NS
from sources import csv, parquet
from sources.columns import TableOptions
from sources.input_files import Source
from sources.jsonl import LineBlock, read_lines
from sources.payloads import PayloadBlock
from sources.table import BadLine, TickBlock
from trademaster.engine.pipe import Step, inputs_of, run_pipe
from trademaster.engine.sources import REJECTED, Item
from trademaster.settings import Settings

STEP_TICKS = 10_000
STEP_BYTES = 16 << 20
LINE_NS = 1_000_000
"""A line has no time of its own: its number in milliseconds since 1970 stands for when it was first seen."""

TICKS = "market.ticks"


class _Run:
    """Lines that make one step: ticks, and what is none."""

    __slots__ = ("entries", "lines", "rejects", "size", "values")

    def __init__(self) -> None:
        self.lines: list[int] = []
        self.values: list[bytes] = []
        self.rejects: list[Reject] = []
        self.entries = self.size = 0

    @property
    def is_full(self) -> bool:
        return self.entries >= STEP_TICKS or self.size >= STEP_BYTES

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

    def __init__(self, topics: Sequence[str], topic: str) -> None:
        """``topics`` are those that the flows read, ``topic`` is that of bare values and of rows."""
        self._topics = topics
        self._topic = topic
        self._decoder = TickDecoder()
        self._watermarks: dict[int, int] = {}
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
        return self._frames(rows, [])

    def _tick_steps(self, blocks: Iterable[TickBlock]) -> Iterator[Step]:
        for block in blocks:
            bad = deque(sorted(block.rejects, key=lambda line: line.line))
            last = max(len(block.rows) - 1, 0) // STEP_TICKS * STEP_TICKS
            for start in range(0, last + 1, STEP_TICKS):
                rows = block.rows[start : start + STEP_TICKS]
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
        run = _Run()
        for block in blocks:
            bad = deque(sorted(block.rejects, key=lambda line: line.line))
            for line, topic, value in zip(block.lines, block.topics, block.values, strict=True):
                while bad and bad[0].line < line:
                    run.refuse(_refused(self._topic, bad.popleft()))
                    if run.is_full:
                        yield self._ticks(run)
                        run = _Run()
                is_tick = topic == TICKS and TICKS in self._topics
                if is_tick:
                    run.add(line, value)
                if run.is_full or (run.entries and not is_tick):
                    yield self._ticks(run)
                    run = _Run()
                if not is_tick:
                    yield [self._event(topic, line, value)]
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
        self.ticks += len(rows) + len(rejects)
        step: list[tuple[str, Item]] = [(TICKS, (SHARD_KEYS[shard], frame)) for shard, frame in split(rows)]
        return [*step, self._rejected(rejects)] if rejects else step

    def _event(self, topic: str, line: int, value: bytes) -> tuple[str, Item]:
        try:
            if topic not in self._topics:
                raise RejectedRecord(Reason.MALFORMED, f"expected a topic that the flows read ({', '.join(self._topics)}), found {topic}")
            return topic, ("control", decode_control(topic, None, value))
        except RejectedRecord as error:
            return self._rejected([Reject(topic, 0, line, -1, Reason(error.reason), str(error), value, line * LINE_NS)])

    def _rejected(self, rejects: Sequence[Reject]) -> tuple[str, Item]:
        """Dead letters travel beside any topic that is read."""
        return self._topics[0], (REJECTED, list(rejects))


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
    """
    lines = PipeInput(inputs_of(flows), topic)
    steps = lines.from_file(source, table or TableOptions()) if isinstance(source, Path) else lines.from_lines(source)
    return run_pipe(settings, flows, steps, lines.last, out)


def _refused(topic: str, line: BadLine) -> Reject:
    return Reject(topic, 0, line.line, -1, line.reason, line.detail, line.text, line.line * LINE_NS)
