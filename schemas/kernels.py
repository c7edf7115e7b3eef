"""How our kernels are compiled, and where what was compiled is kept.

Numba keeps a compiled function as long as *its own* file does not change, though the code of the functions it calls is inside
it. A kernel that calls into another file would thus go on running the other file's old code. So the folder of the cache
carries a digest of all files that hold kernels: any change begins a new one.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

from numba import config, njit

F = TypeVar("F", bound=Callable[..., object])


def _sources_digest() -> str:
    """Digest of every file of ours that mentions this module, in the packages that may hold kernels."""
    root = Path(__file__).resolve().parent.parent
    digest = hashlib.sha256()
    for package in ("schemas", "operators"):
        for path in sorted((root / package).rglob("*.py")):
            source = path.read_bytes()
            if b"schemas.kernels" in source or path.name == "kernels.py":
                digest.update(str(path.relative_to(root)).encode() + b"\0" + source + b"\0")
    return digest.hexdigest()[:16]


def _cache_folder() -> Path:
    """Below NUMBA_CACHE_DIR where that is set, else in the user's cache. Where it cannot be written Numba finds a place itself."""
    set_by_user = os.environ.get("NUMBA_CACHE_DIR")
    base = Path(set_by_user) if set_by_user else Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "trademaster" / "kernels"
    return base.expanduser() / _sources_digest()


CACHE_FOLDER = _cache_folder()
"""Where compiled kernels are kept."""

config.CACHE_DIR = str(CACHE_FOLDER)  # type: ignore[attr-defined]


def kernel(function: F) -> F:
    """Compile a function on its first call, and keep it. It releases the GIL, divides by zero as IEEE 754 says, and checks no bounds.

    It counts no references to the arrays it is given (the caller holds them) and so makes none itself.
    """
    options: dict[str, Any] = {"cache": True, "nogil": True, "error_model": "numpy", "_nrt": False}
    return cast("F", njit(**options)(function))
