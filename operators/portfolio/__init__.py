"""Positions and accounts: exact from fills, marked at every tick."""
