"""Results to InfluxDB, for dashboards and questions about the past.

any topic of INFLUXDB.reads ──► points of the measurement of its name ──► InfluxDB
                                └─ what is no point ──► dead.letters
"""

from __future__ import annotations

from flows.delivery import Delivery
from flows.table import DELIVERIES

DELIVERY = Delivery(DELIVERIES["influxdb"], topics=lambda section: section.topics)
