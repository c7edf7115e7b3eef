"""State that is stored has no bytes between its fields, and keeps to its size."""

from __future__ import annotations

import numpy as np
import pytest

from operators.market.bands import BAND
from operators.market.bars import WINDOW
from operators.market.state import SYMBOL
from operators.market.windows import DUE


@pytest.mark.parametrize("stored", [SYMBOL, DUE, WINDOW, BAND], ids=["SYMBOL", "DUE", "WINDOW", "BAND"])
def test_no_padding_is_stored(stored: np.dtype[np.void]) -> None:
    assert sum(stored[name].itemsize for name in stored.names or ()) == stored.itemsize


def test_a_symbol_with_two_intervals_takes_352_bytes() -> None:
    assert SYMBOL.itemsize + DUE.itemsize + 2 * WINDOW.itemsize <= 352
