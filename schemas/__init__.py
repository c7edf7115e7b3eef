"""The contract: events, topics, frames, the bus and errors. Knows nobody else in the house."""
