"""What limits are held against: the numbers of accounts as columns, each a function of sums, balance and statistics."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from schemas.kernels import kernel, leaf

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
"""Shape (accounts, len(COLUMNS)); NaN where not known."""

GROSS, NET, CONCENTRATION = (COLUMN[rule] for rule in OF_ENTRY)
DRAWDOWN, DAILY_LOSS, CUSHION = (COLUMN[rule] for rule in ("drawdown", "daily_loss", "margin_cushion"))


@leaf
def share(part: float, whole: float) -> float:
    """Of nothing nothing."""
    return part / whole if whole != 0.0 else part * 0.0


@leaf
def cushion(equity: float, maintenance: float) -> float:
    """``(equity - maintenance) / equity``. Of an equity below 0 over its size, so that less stays less; -1 of none where some is needed."""
    if equity == 0.0:
        return -1.0 if maintenance > 0.0 else np.nan
    return (equity - maintenance) / abs(equity)


@kernel
def set_values(rows: npt.NDArray[np.int64], sums: npt.NDArray[np.void], balances: npt.NDArray[np.void], values: Values) -> None:
    """Of each of these accounts all columns before STATISTICS; net without its sign."""
    for at in range(rows.size):
        row = rows[at]
        total, balance, own = sums[row], balances[row], values[row]
        own[GROSS] = total["gross"]
        own[NET] = abs(total["net"])
        own[CONCENTRATION] = share(total["largest"], total["gross"])
        high = balance["high"]
        own[DRAWDOWN] = 1.0 - balance["equity"] / high if high > 0.0 else np.nan
        own[DAILY_LOSS] = 0.0 - balance["day"]
        own[CUSHION] = cushion(balance["equity"], total["maintenance"])
