"""Grafana's dashboards and alert rules as code: ``python -m trademaster.dashboards`` writes them to ``docker/grafana``.

Each dashboard is a file that names its panels; a panel is a query and a picture. Flux asks InfluxDB for what the deliveries
wrote there, PromQL asks Prometheus how the platform runs. Needs grafana-foundation-sdk, a dependency of developers: users get the
files that are written.
"""
