"""What is computed: ``(state, event) -> (state, outputs)``. Knows the schemas; no engine, clock, I/O or log."""
