"""Statistics of returns: value at risk, shortfall, beta, concentration; and the tests that such models are put to.

They take returns in float64 with the observations on the last axis, oldest first, so that one call serves one account or a
thousand. Losses are positive fractions of equity. What cannot be known (NaN among the returns, too few of them) is NaN.
"""
