"""How the hot path is compiled: kernels written event by event in plain Python, numba makes machine code of them.

A *kernel* is called from Python and kept on disk. A *leaf* is one idea's function on a record; it is inlined into the kernels that
call it. Both run unchanged without a compiler (``NUMBA_DISABLE_JIT=1``), and a test holds that the answer is the same to the last bit;
therefore no ``fastmath``, which would let the sums depend on the processor.

Where the compiled code is kept: ``schemas/kernel_cache.py``.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar, cast

from llvmlite import ir  # type: ignore[import-untyped]
from numba import config, njit, types
from numba.core.extending import intrinsic
from numba.np.arrayobj import make_array

from schemas.kernel_cache import CACHE_FOLDER

F = TypeVar("F", bound=Callable[..., Any])

config.CACHE_DIR = str(CACHE_FOLDER)  # type: ignore[attr-defined]


_njit: Any = partial(njit, nogil=True, error_model="numpy", _nrt=False)
"""Without numba's runtime kernels cannot allocate, which they must not, and arrays are not reference-counted at each step, which took nine
tenths of a tick. Division by zero gives inf or nan as in NumPy; kernels test before they divide."""


def kernel(function: F) -> F:
    """Compile at the first call and keep the code on disk; releases the GIL while it runs."""
    return cast("F", _njit(cache=True)(function))


def allocating_kernel(function: F) -> F:
    """As ``kernel``, for one that makes arrays itself: once a batch, never in a loop over ticks."""
    return cast("F", njit(cache=True, nogil=True, error_model="numpy")(function))


def leaf(function: F) -> F:
    """Compile into whatever kernel calls it."""
    return cast("F", _njit(forceinline=True)(function))


def plain(function: F) -> F:
    """The uncompiled form of a kernel or leaf: the same formula for a single call from Python."""
    return cast("F", getattr(function, "py_func", function))


def is_uncompiled() -> bool:
    """Whether kernels run as plain Python in this process."""
    return bool(getattr(config, "DISABLE_JIT", 0))


def _make_prefetch() -> Callable[[Any, Any], None]:
    if is_uncompiled():
        return lambda _array, _index: None

    array_of: Any = make_array

    @intrinsic
    def prefetch(_context: Any, array: Any, index: Any) -> Any:
        """Ask the processor for ``array[index]``, a record or a row of records, before it is needed. At most three cache lines."""

        def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            source = array_of(signature.args[0])(context, builder, args[0])
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
