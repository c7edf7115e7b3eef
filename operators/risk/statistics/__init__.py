"""Statistics of returns: value at risk, shortfall, beta, concentration; and the tests that such models are put to."""
