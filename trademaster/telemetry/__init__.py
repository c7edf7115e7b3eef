"""What a run says of itself: logs, metrics, counters, a line of progress."""
