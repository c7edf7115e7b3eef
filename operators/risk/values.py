"""What limits are held against: the numbers of accounts as columns, each a function of sums, balance and statistics."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

BALANCE = np.dtype(
    [
        ("equity", np.float64),  # NaN: unknown, as all
        ("high", np.float64),  # high-water mark
        ("day", np.float64),  # P&L of the day
    ],
    align=True,
)

COLUMNS = (
    "gross_exposure", "net_exposure", "concentration", "drawdown", "daily_loss", "margin_cushion",
    "var_parametric", "var_ewma", "var_historical", "expected_shortfall", "volatility",
)  # fmt: skip
"""Rules that are judged by a number of an account or of the firm."""

COLUMN = {rule: at for at, rule in enumerate(COLUMNS)}

STATISTICS = COLUMN["var_parametric"]
"""The first of the columns that bars make."""

OF_BALANCE = ("drawdown", "daily_loss")
"""Rules that a balance alone decides."""

OF_ENTRY = ("gross_exposure", "net_exposure", "concentration")
"""Rules that may hold one symbol of an account or of the firm too."""

SCALES = {"drawdown": 1.0, "margin_cushion": 1.0, "concentration": 1.0}
"""Size of the numbers that make a value, where it is a difference of them."""

Values = npt.NDArray[np.float64]


def set_sums(values: Values, rows: npt.NDArray[np.intp], sums: npt.NDArray[np.void]) -> None:
    """Gross, net without its sign, and the share of the largest symbol (0 where nothing is held)."""
    gross, largest = sums["gross"][rows], sums["largest"][rows]
    values[rows, COLUMN["gross_exposure"]] = gross
    values[rows, COLUMN["net_exposure"]] = np.abs(sums["net"][rows])
    values[rows, COLUMN["concentration"]] = np.where(gross == 0.0, 0.0, largest / np.where(gross == 0.0, 1.0, gross))


def set_balances(values: Values, rows: npt.NDArray[np.intp], balances: npt.NDArray[np.void], maintenance: Values) -> None:
    """Drawdown, the day's loss and the cushion of margin."""
    equity, high = balances["equity"][rows], balances["high"][rows]
    positive = high > 0.0
    values[rows, COLUMN["drawdown"]] = np.where(positive, 1.0 - equity / np.where(positive, high, 1.0), np.nan)
    values[rows, COLUMN["daily_loss"]] = -balances["day"][rows]
    values[rows, COLUMN["margin_cushion"]] = cushion(equity, maintenance[rows])


def cushion(equity: Values, maintenance: Values) -> Values:
    """``(equity - maintenance) / equity``. Of an equity below 0 over its size, so that less stays less; -1 of none where some is needed."""
    size = np.abs(equity)
    ratio = (equity - maintenance) / np.where(size > 0.0, size, 1.0)
    return np.asarray(np.where(size == 0.0, np.where(maintenance > 0.0, -1.0, np.nan), ratio))
