"""The archive: every record of every topic, as columns in Parquet files.

::

    any topic ── records as they lie there ──► archive (sinks/parquet.py)
"""

from __future__ import annotations

from flows.delivery import Delivery
from flows.table import DELIVERIES

DELIVERY = Delivery(DELIVERIES["archive"], topics=lambda section: section.topics, epoch_ns=lambda section: section.roll_after.ns)
