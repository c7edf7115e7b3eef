"""What records are kept in SQL with; ``sinks/sql.py`` is the store."""
