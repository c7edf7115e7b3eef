"""Ticks become bars, marks, volatility and price alerts. One idea a file; ``shard.py`` is the operator that joins them."""
