"""Files as streams of bytes, plain or gzip, cut into pieces of whole lines."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from schemas.errors import InputFileError

Source = str | Path | BinaryIO
"""A path, or a stream of bytes (standard input)."""

CHUNK_BYTES = 2 << 20
MAX_LINE_BYTES = 64 << 20
"""A longer line is no line of a text file; reading it whole would know no bound."""

_BOM = b"\xef\xbb\xbf"


def name_of(source: Source) -> str:
    """The file's name, for messages and dead letters."""
    return Path(source).name if isinstance(source, str | Path) else "stdin"


def chunks(source: Source, chunk_bytes: int = CHUNK_BYTES) -> Iterator[bytes]:
    """Pieces of a file, each of whole lines (the last line may lack its end), without a byte order mark.

    gzip is recognised by its first bytes, whatever the file is called.

    Raises:
        InputFileError: the file is missing, cannot be read or unpacked, is UTF-16, or has no lines.
    """
    name = name_of(source)
    try:
        stream = _unpacked(source)
        try:
            yield from _whole_lines(stream, name, chunk_bytes, whole=isinstance(source, str | Path))
        finally:
            if isinstance(source, str | Path):
                stream.close()
    except (OSError, EOFError, zlib.error) as error:
        raise InputFileError(f"{name}: cannot be read: {error}", hint="check that the file is there, whole, and may be read") from error


def _unpacked(source: Source) -> BinaryIO | io.BufferedIOBase:
    stream = Path(source).open("rb") if isinstance(source, str | Path) else source  # noqa: SIM115 - closed by chunks
    buffered = stream if isinstance(stream, io.BufferedReader) else io.BufferedReader(stream)  # type: ignore[type-var]
    return gzip.GzipFile(fileobj=buffered) if buffered.peek(2)[:2] == b"\x1f\x8b" else buffered


def _whole_lines(stream: BinaryIO | io.BufferedIOBase, name: str, chunk_bytes: int, *, whole: bool) -> Iterator[bytes]:
    held: list[bytes] = []
    held_bytes, first = 0, True
    # Of a pipe what is there is taken: a line is handed on before the next one is written.
    read = stream.read if whole else stream.read1  # type: ignore[union-attr]
    while piece := read(chunk_bytes):
        held.append(piece)
        held_bytes += len(piece)
        end = piece.rfind(b"\n") + 1
        if not end:
            if held_bytes > MAX_LINE_BYTES:
                raise InputFileError(f"{name}: expected lines of at most {MAX_LINE_BYTES >> 20} MB, found a longer one")
            continue
        held[-1] = piece[:end]
        yield _start(b"".join(held), name) if first else b"".join(held)
        first, held, held_bytes = False, [piece[end:]], len(piece) - end
    if held_bytes:
        yield _start(b"".join(held), name) if first else b"".join(held)


def _start(chunk: bytes, name: str) -> bytes:
    if chunk[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise InputFileError(f"{name}: expected UTF-8, found UTF-16", hint="convert it: iconv -f UTF-16 -t UTF-8")
    return chunk.removeprefix(_BOM)
