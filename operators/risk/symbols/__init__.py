"""The first stage: stops, silence and volatility of a shard of symbols, held against every tick."""
