"""Replay: what happened, written again in the order of event time, from a bus or from the archive."""
