"""The contract in the words of others: JSON Schema and AsyncAPI, made from the msgspec definitions."""
