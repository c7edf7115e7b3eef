"""Orders, fills, positions, alerts, audit and limits to SQL, for whoever asks what happened.

::

    orders.updates ─┐
    orders.events ──┤
    portfolio.positions ─► records ─► SQLite or PostgreSQL
    risk.alerts ────┤         └─► dead.letters
    audit ──────────┤
    control.limits ─┘
"""

from __future__ import annotations

from flows.delivery import Delivery
from flows.table import RECORDS

DELIVERY = Delivery(RECORDS, topics=lambda section: tuple(section.topics))
