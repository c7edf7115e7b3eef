"""Numbers of a table: each cell becomes the double nearest to what is written there, also when it is scaled."""

from __future__ import annotations

import re
from decimal import Decimal, localcontext

import numpy as np
import numpy.typing as npt
import polars as pl

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

NUMBER = re.compile(r"\s*[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,4})?\s*", re.ASCII)
"""What counts as a number; ``nan``, ``inf`` and ``1_000`` do not."""


def read_numbers(cells: pl.Series, scale: Decimal = Decimal(1)) -> tuple[Floats, Bools]:
    """Cells times ``scale``.

    Args:
        cells: shape (n,), text or numbers; a null or an empty text is an absent number.

    Returns:
        shape (n,) values (NaN where absent or bad) and shape (n,) whether a cell is bad: not a finite number.
    """
    if not cells.dtype.is_numeric():
        cells = cells.cast(pl.String, strict=False)
        cells = cells.set(cells == "", None)
    elif scale != 1 or cells.dtype.is_decimal():
        bad = ~cells.is_finite() if cells.dtype.is_float() else None
        cells = cells.cast(pl.String)
        if bad is not None:
            cells = cells.set(bad.fill_null(False), "nan")
    values = _scaled(cells, scale).to_numpy().astype(np.float64, copy=True)
    present = cells.is_not_null().to_numpy()
    odd = np.flatnonzero(present & ~np.isfinite(values))
    bad_cells = np.zeros(len(values), np.bool_)
    for at in odd.tolist():
        value = exact(str(cells[at]), scale)
        bad_cells[at] = value is None
        values[at] = np.nan if value is None else value
    return values, bad_cells


def _scaled(cells: pl.Series, scale: Decimal) -> pl.Series:
    """Null where the quick way has no answer."""
    if scale == 1:
        return cells.cast(pl.Float64, strict=False)
    _, digits, exponent = scale.normalize().as_tuple()
    if digits == (1,):
        # "2238200" times 10^-4 is "2238200e-4": text to double rounds once, a product of doubles would round twice.
        return (cells + f"e{exponent}").cast(pl.Float64, strict=False)
    distinct = cells.drop_nulls().unique()
    values = [exact(text, scale) for text in distinct.to_list()]
    return cells.replace_strict(distinct, pl.Series(values, dtype=pl.Float64), default=None, return_dtype=pl.Float64)


def exact(text: str, scale: Decimal) -> float | None:
    """The double nearest to the decimal product, or None: ``text`` is no number, or the product is too large for a double."""
    if not NUMBER.fullmatch(text):
        return None
    if scale == 1:
        value = float(text)
    else:
        with localcontext() as context:
            context.prec = len(text) + len(scale.as_tuple().digits) + 1
            value = float(Decimal(text.strip()) * scale)
    return value if np.isfinite(value) else None
