"""Risk in three stages: symbols at every tick, accounts, the firm; with limits and their episodes, which are common to all."""
