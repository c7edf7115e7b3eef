"""What the archive is written with; ``sinks/parquet.py`` is the store."""
