"""Strategies: rules over indicators that say buy, sell or flat, and the orders that follow.

``translation.py`` turns a rule as a person writes it into CEL, ``expression.py`` compiles and evaluates it, ``strategy.py`` is one
strategy, ``desk.py`` keeps what each last said of each symbol, ``step.py`` is what a flow hosts.
"""
