"""Texts of a scan as columns: compiled gathering of what cells point at."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from schemas.bus import Bytes1D, Int64s
from schemas.json_bytes import address_of, copy_bytes, put_byte
from schemas.kernels import kernel
from sinks.archive.values import LENGTH_BITS

_LENGTHS = (1 << LENGTH_BITS) - 1

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(list[float]).decode


@kernel
def _gather(data_: Any, cells: Any, forms: Any, offsets: Any, out_: Any) -> None:
    data, out, at = address_of(data_), address_of(out_), 0
    for row in range(len(cells)):
        if forms[row] != 0:
            length = cells[row] & _LENGTHS
            copy_bytes(out, at, data, cells[row] >> LENGTH_BITS, length)
            at += length
        offsets[row + 1] = at


@kernel
def _listed(data_: Any, cells: Any, out_: Any) -> int:
    """Texts with commas between them, in brackets."""
    data, out, at = address_of(data_), address_of(out_), 0
    put_byte(out, 0, 91)
    for cell in cells:
        at += 1
        copy_bytes(out, at, data, cell >> LENGTH_BITS, cell & _LENGTHS)
        at += cell & _LENGTHS
        put_byte(out, at, 44)
    put_byte(out, at, 93)
    return at + 1


@kernel
def _permute(data_: Any, ends: Any, order: Any, out_: Any, out_ends: Any) -> None:
    data, out, at = address_of(data_), address_of(out_), 0
    for place in range(len(order)):
        record = order[place]
        start = ends[record - 1] if record else 0
        copy_bytes(out, at, data, start, ends[record] - start)
        at += ends[record] - start
        out_ends[place] = at


def permuted(data: Bytes1D, ends: Int64s, order: Int64s) -> tuple[Bytes1D, Int64s]:
    """Records in another order, and where each ends; as many bytes stand behind them."""
    out, out_ends = np.empty_like(data), np.empty_like(ends)
    _permute(data, ends, order, out, out_ends)
    return out, out_ends


def read_floats(data: Bytes1D, cells: Int64s) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """The doubles that JSON texts name, and whether each text is the one that msgspec writes for its double."""
    texts: Bytes1D = np.empty(int((cells & _LENGTHS).sum()) + len(cells) + 2, np.uint8)
    listed = texts[: _listed(data, cells, texts)].tobytes()
    numbers = _decode(listed)
    again = _encode(numbers)
    if again == listed:
        return np.array(numbers), np.ones(len(numbers), np.bool_)
    given, written = listed[1:-1].split(b","), again[1:-1].split(b",")
    return np.array(numbers), np.array([one == other for one, other in zip(given, written, strict=True)])


def validity(valid: npt.NDArray[np.bool_]) -> pa.Buffer | None:
    """The bitmap of a column; None: all is there."""
    return None if valid.all() else pa.py_buffer(np.packbits(valid, bitorder="little"))


def gather_texts(data: Bytes1D, cells: Int64s, forms: npt.NDArray[np.int8]) -> pa.Array:
    """The texts that the cells of one column point at, null where the form is 0."""
    valid = forms != 0
    size = int((cells[valid] & _LENGTHS).sum())
    offsets: npt.NDArray[np.int32] = np.zeros(len(cells) + 1, np.int32)
    out: Bytes1D = np.empty(size + 8, np.uint8)
    _gather(data, np.ascontiguousarray(cells), np.ascontiguousarray(forms), offsets, out)
    return pa.StringArray.from_buffers(len(cells), pa.py_buffer(offsets), pa.py_buffer(out), validity(valid))
