"""``python -m trademaster.dashboards`` writes what Grafana reads to ``docker/grafana``."""

from __future__ import annotations

from trademaster.dashboards.files import write

write()
