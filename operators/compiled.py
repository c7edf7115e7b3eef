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

from llvmlite import ir
from numba import config, njit, types
from numba.core.extending import intrinsic
from numba.np.arrayobj import make_array

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


def _make_prefetch() -> Callable[[Any, Any], None]:
    if config.DISABLE_JIT:
        return lambda _array, _index: None

    @intrinsic
    def prefetch(_context: Any, array: Any, index: Any) -> Any:
        """Ask the processor for ``array[index]``, a record or a row of records, before it is needed. At most three cache lines."""

        def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            source = make_array(signature.args[0])(context, builder, args[0])
            at = builder.mul(builder.sext(args[1], ir.IntType(64)), builder.extract_value(source.strides, 0))
            address = builder.add(builder.ptrtoint(source.data, ir.IntType(64)), at)
            integer = ir.IntType(32)
            pointer = ir.IntType(8).as_pointer()
            fetch = builder.module.declare_intrinsic("llvm.prefetch", [pointer], ir.FunctionType(ir.VoidType(), [pointer, *[integer] * 3]))
            for line in range(min(3, -(-signature.args[0].dtype.size * signature.args[0].ndim // 64))):
                there = builder.inttoptr(builder.add(address, ir.Constant(ir.IntType(64), 64 * line)), pointer)
                builder.call(fetch, [there, integer(1), integer(3), integer(1)])
            return context.get_dummy_value()

        return types.void(array, index), emit

    return cast("Callable[[Any, Any], None]", prefetch)


prefetch = _make_prefetch()
"""Without a compiler it does nothing, as it changes nothing but time."""
