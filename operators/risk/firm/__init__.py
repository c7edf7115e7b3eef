"""The third stage: all accounts as one, halts, and the record of what people changed."""
