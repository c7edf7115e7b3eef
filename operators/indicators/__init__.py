"""Indicators of bars, one a file: a recurrence written once, which a stream and a table both call (``batch.py``).

``names.py`` reads their names, ``board.py`` keeps those of many symbols, ``step.py`` is what a flow hosts. Conventions are those of
Stock.Indicators; where other sources differ, the file of the indicator says so. What is made of ticks instead of bars has its names in
``orderflow.py``; it is computed in ``operators/orderflow/`` and meets the bars here.
"""
