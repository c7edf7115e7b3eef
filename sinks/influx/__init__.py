"""What points are made and sent with; ``sinks/influxdb.py`` is the store."""
