"""The second stage: exposure, margin, statistics and limits of a shard of accounts."""
