"""Hosts flows on Bytewax: sources, sinks, wiring, recovery, processes. The only place beside ``flows/`` that knows the engine."""
