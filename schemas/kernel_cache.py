"""Where compiled kernels are kept. Loads no compiler: who only asks whether they are there does not wait for it.

Numba keeps a compiled function as long as *its own* file does not change, though the code of the functions it calls is inside
it. A kernel that calls into another file would thus go on running the other file's old code. So the folder of the cache
carries a digest of all files that hold kernels: any change begins a new one.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

PACKAGES = ("schemas", "operators", "sources", "sinks")
"""Where kernels may be."""


def _sources_digest() -> str:
    """Digest of every file of ours that mentions this module."""
    root = Path(__file__).resolve().parent.parent
    digest = hashlib.sha256()
    for package in PACKAGES:
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

_DONE = CACHE_FOLDER / "all-compiled"


def are_compiled() -> bool:
    """A run will not have to wait."""
    return _DONE.exists()


def note_compiled() -> None:
    """All kernels are there now."""
    CACHE_FOLDER.mkdir(parents=True, exist_ok=True)
    _DONE.touch()
