"""Checks of an order before it leaves: against limits, prices, buying power and the kill switch."""
