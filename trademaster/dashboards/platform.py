"""Platform: how the program itself runs, from its own metrics in Prometheus."""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import Dashboard

from trademaster.dashboards.board import board, offered
from trademaster.dashboards.panels import PROMETHEUS, gauge, rate

_RUN = 'job=~"$job"'
_TOPIC = f'{_RUN}, topic=~"$topic"'


def platform() -> Dashboard:
    """The dashboard over the pages that ``trademaster run --metrics-port`` serves."""
    panels = [
        gauge("Events in", f"sum(rate(trademaster_events_in_total{{{_TOPIC}}}[$__rate_interval]))", unit="cps"),
        gauge("Lag", f"sum(trademaster_consumer_lag{{{_TOPIC}}})", red_above=100_000, says="Records on the bus that nobody has read yet."),
        gauge("Dead letters", f"sum(trademaster_dead_letters_total{{{_TOPIC}}}) or vector(0)", red_above=1),
        gauge("Runs that answer", f"sum(up{{{_RUN}}})"),
        rate(
            "Events in", f"sum by (topic) (rate(trademaster_events_in_total{{{_TOPIC}}}[$__rate_interval]))", legend="{{topic}}", unit="cps"
        ),
        rate(
            "Events out", f"sum by (topic) (rate(trademaster_events_out_total{{{_RUN}}}[$__rate_interval]))", legend="{{topic}}", unit="cps"
        ),
        rate("Lag", f"sum by (job, topic) (trademaster_consumer_lag{{{_TOPIC}}})", legend="{{job}} {{topic}}"),
        rate(
            "Watermark behind the clock",
            f"max by (job, topic) (trademaster_watermark_delay_seconds{{{_TOPIC}}})",
            legend="{{job}} {{topic}}",
            unit="s",
            says="Years, while a session of the past is replayed.",
        ),
        rate(
            "Processing of a batch",
            _quantiles("trademaster_processing_seconds_bucket", "topic"),
            legend="p{{what}} {{topic}}",
            unit="s",
        ),
        rate("Records of a batch", _quantiles("trademaster_batch_records_bucket", "topic"), legend="p{{what}} {{topic}}"),
        rate(
            "Dead letters and late ticks",
            _named("dead", f"sum by (topic, reason) (increase(trademaster_dead_letters_total{{{_TOPIC}}}[$__rate_interval]))")
            + " or "
            + _named("late", f"sum by (topic) (increase(trademaster_late_total{{{_TOPIC}}}[$__rate_interval]))"),
            legend="{{what}} {{topic}} {{reason}}",
        ),
        rate("Sources held while an epoch closes", _quantiles("trademaster_epoch_stall_seconds_bucket"), legend="p{{what}}", unit="s"),
        rate("State of steps", f"sum by (step) (trademaster_snapshot_bytes{{{_RUN}}})", legend="{{step}}", unit="bytes"),
        rate("Storing state", _quantiles("trademaster_snapshot_seconds_bucket", "step"), legend="p{{what}} {{step}}", unit="s"),
    ]
    variables = [
        offered("job", "label_values(trademaster_events_in_total, job)", PROMETHEUS, label="Run"),
        offered("topic", 'label_values(trademaster_events_in_total{job=~"$job"}, topic)', PROMETHEUS, label="Topic"),
    ]
    return board("Platform", panels, variables=variables, says="How the program itself runs.", since="now-15m")


def _quantiles(buckets: str, by: str = "") -> str:
    """The median and the 99th percentile, told apart by a label."""
    where = _TOPIC if by == "topic" else _RUN
    rates = f"sum by (le{f', {by}' if by else ''}) (rate({buckets}{{{where}}}[$__rate_interval]))"
    return " or ".join(_named(name, f"histogram_quantile(0.{name}, {rates})") for name in ("50", "99"))


def _named(name: str, expression: str) -> str:
    return f'label_replace({expression}, "what", "{name}", "", "")'
