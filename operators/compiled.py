"""How the hot path is compiled: kernels written event by event in plain Python, numba makes machine code of them.

A *kernel* is called from Python and cached on disk. A *leaf* is one idea's function on a symbol's state; it is inlined into the
kernels that call it and has no cache of its own. Both run unchanged without a compiler (``NUMBA_DISABLE_JIT=1``), and a test holds
that the answer is the same to the last bit; therefore no ``fastmath``, which would let the sums depend on the processor.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

from numba import njit

F = TypeVar("F", bound=Callable[..., Any])


def kernel(function: F) -> F:
    """Compile at the first call and keep the code on disk; releases the GIL while it runs."""
    return cast("F", njit(cache=True, nogil=True, error_model="numpy", _nrt=False)(function))


def leaf(function: F) -> F:
    """Compile into whatever kernel calls it."""
    return cast("F", njit(nogil=True, error_model="numpy", forceinline=True, _nrt=False)(function))


def plain(function: F) -> F:
    """The uncompiled form of a kernel or leaf: the same formula for a single call from Python."""
    return cast("F", getattr(function, "py_func", function))


def digest_of(folder: Path) -> str:
    """A text that changes when a source file of ``folder`` does.

    Numba's cache looks at the file of the kernel alone, not at those of its leaves. A kernel that is made in a function whose argument
    it mentions has the argument in the cache's key: with this digest, no old machine code outlives a change of a leaf.
    """
    text = hashlib.sha256()
    for path in sorted(folder.glob("*.py")):
        text.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return text.hexdigest()
