"""What ticks tell of the balance between buyers and sellers, by the windows of bars.

``quotes.py`` and ``volume.py`` hold the formulas, ``kernel.py`` takes ticks event by event, ``shard.py`` keeps the state of many symbols.
The names and definitions stand with the other indicators, ``operators/indicators/orderflow.py``.
"""
