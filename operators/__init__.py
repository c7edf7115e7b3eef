"""What is computed: (state, event) -> (state, outputs). Knows schemas; no engine, clock, I/O or log."""
