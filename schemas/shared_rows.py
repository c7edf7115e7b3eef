"""Memory that the worker processes of one machine share, so that rows cross without being copied a dozen times.

Each process has one *lane* that it alone writes and all others read: a byte a block that says whether the block is taken, and the blocks.
The writer takes the first run of free blocks that is long enough, and gives the others a reference through the engine; the reader
frees the blocks when it has copied the rows out. A reference is good once: its token tells a second reading. Only the writer takes and
only the one reader of a reference frees, so no lock is needed. Sending the reference orders the writer's bytes before the reader's look at
them. That the reader's look comes before its freeing is the order of memory of x86 (a store never overtakes an earlier load); on other
machines there are no lanes, and rows are pickled.
"""

from __future__ import annotations

import mmap
import os
import platform
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

BLOCK_BYTES = 16_384
BLOCKS = 2048
"""Of a lane: 32 MiB, several of the largest batches. The first free blocks are taken, so that memory of a calm run stays in cache."""

_TOKENS_AT = -(-BLOCKS // mmap.PAGESIZE) * mmap.PAGESIZE
_HEAD_BYTES = _TOKENS_AT + 8 * BLOCKS


class Span(NamedTuple):
    """Blocks of a lane that hold something: what crosses instead of it."""

    lane: int
    first: int
    blocks: int
    token: int
    """Of this taking, among all of the lane."""


class Lanes:
    """The lanes of all processes of a run, as one of them sees them."""

    def __init__(self, fds: Sequence[int], mine: int, *, blocks: int = BLOCKS) -> None:
        """Map the lanes.

        Args:
            fds: the file of each process's lane, by the number of the process; they may be closed afterwards.
            mine: the number of this process.
            blocks: how many blocks a lane has.
        """
        self._mine = mine
        self._blocks = blocks
        self._maps = [mmap.mmap(fd, _HEAD_BYTES + blocks * BLOCK_BYTES) for fd in fds]
        self._tokens = [np.frombuffer(lane, np.int64, blocks, _TOKENS_AT) for lane in self._maps]
        self._taken = 0

    def take(self, size: int) -> Span | None:
        """Blocks of our lane for so many bytes; None: there is no room, now or ever."""
        blocks = max(1, -(-size // BLOCK_BYTES))
        lane = self._maps[self._mine]
        first = lane.find(bytes(blocks), 0, self._blocks)
        if first < 0:
            return None
        lane[first : first + blocks] = b"\1" * blocks
        self._taken += 1
        self._tokens[self._mine][first] = self._taken
        return Span(self._mine, first, blocks, self._taken)

    def check(self, span: Span) -> None:
        """Raises RuntimeError: what the reference was to was read before; others may have written there since."""
        if not self._maps[span.lane][span.first] or self._tokens[span.lane][span.first] != span.token:
            raise RuntimeError(f"expected rows of taking {span.token} in lane {span.lane}, found that they were read before")

    def free(self, span: Span) -> None:
        """Let the writer of the blocks have them again: what is in them is no longer looked at."""
        self._maps[span.lane][span.first : span.first + span.blocks] = bytes(span.blocks)

    def array(self, span: Span, dtype: np.dtype[np.void], count: int) -> npt.NDArray[np.void]:
        """The blocks as records, shape (count,); not a copy."""
        found: npt.NDArray[np.void] = np.frombuffer(self._maps[span.lane], dtype, count, _HEAD_BYTES + span.first * BLOCK_BYTES)
        return found

    def taken(self) -> int:
        """How many blocks of our lane are taken."""
        return self._maps[self._mine][: self._blocks].count(1)


def create_lanes(processes: int, closing: ExitStack, *, blocks: int = BLOCKS) -> list[int]:
    """Open files for the lanes of so many processes, empty; none where they would not be safe or of use.

    The files have no name: they are gone when the last process that holds them is, however it died.

    Args:
        processes: of one run on this machine.
        closing: closes the files.
        blocks: how many blocks a lane has.
    """
    if processes < 2 or sys.platform != "linux" or platform.machine() != "x86_64":
        return []
    fds = []
    for process in range(processes):
        fd = os.memfd_create(f"trademaster-lane-{process}")
        closing.callback(os.close, fd)
        os.truncate(fd, _HEAD_BYTES + blocks * BLOCK_BYTES)
        fds.append(fd)
    return fds


_lanes: list[Lanes] = []
"""Of this process: one, or none."""


def use_lanes(lanes: Lanes | None) -> None:
    """From now on let rows cross through these; None: pickled."""
    _lanes[:] = [lanes] if lanes else []


def lanes_in_use() -> Lanes | None:
    """The lanes through which rows cross; None: they are pickled."""
    return _lanes[0] if _lanes else None
