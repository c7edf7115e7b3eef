"""Queries in Flux, over the points that the InfluxDB delivery writes: a measurement a topic, keys as tags, numbers as fields."""

from __future__ import annotations

from collections.abc import Sequence

from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models.dashboard import DataSourceRef

INFLUXDB = DataSourceRef(type_val="influxdb", uid="influxdb")

_RANGE = "from(bucket: v.defaultBucket)\n  |> range(start: v.timeRangeStart, stop: v.timeRangeStop)"

_IN_ORDER = 'sort(columns: ["_time", "seq"])'
"""Events of one series and one nanosecond are told apart by the tag ``seq``; the store has each as a series of its own."""


class Flux(Dataquery, Builder[Dataquery]):
    """A panel's query; Grafana replaces ``v.*`` and ``${...}``.

    Args:
        text: in Flux.
        ref: its letter in the panel.
    """

    def __init__(self, text: str, ref: str = "A") -> None:
        self.text = text
        self.ref = ref

    def build(self) -> Dataquery:
        return self

    def to_json(self) -> dict[str, object]:
        return {"refId": self.ref, "query": self.text, "datasource": INFLUXDB.to_json()}


def points(measurement: str, fields: Sequence[str], *, where: Sequence[str] = (), keep: str = "") -> str:
    """Points of the dashboard's time range.

    The store takes a tag that is not there for an empty text, which a regular expression may find: so it is asked for first.

    Args:
        measurement: the topic with ``_``.
        fields: by their names in the store.
        where: tags that a variable of the dashboard has chosen values of.
        keep: one more condition on ``r``.
    """
    conditions = [
        f'r._measurement == "{measurement}"',
        "(" + " or ".join(f'r._field == "{field}"' for field in fields) + ")",
        *(f"exists r.{tag} and r.{tag} =~ /^${{{tag}:regex}}$/" for tag in where),
        *([keep] if keep else []),
    ]
    return f"{_RANGE}\n  |> filter(fn: (r) => {' and '.join(conditions)})"


def lines(measurement: str, fields: Sequence[str], *, by: Sequence[str], where: Sequence[str] = (), keep: str = "") -> str:
    """A line for each field and each value of the tags ``by``: the last point of each pixel, which the store finds near its data."""
    return (
        f"{points(measurement, fields, where=where, keep=keep)}\n"
        f"  |> window(every: v.windowPeriod)\n"
        f"  |> last()\n"
        f"  |> group(columns: {_names([*by, '_field'])})\n"
        f"  |> {_IN_ORDER}\n"
        f"  |> keep(columns: {_names(['_time', '_value', '_field', *by])})"
    )


def totals(measurement: str, field: str, *, by: Sequence[str], fn: str, where: Sequence[str] = (), keep: str = "") -> str:
    """A line for each value of the tags ``by``: the ``count`` or ``sum`` of a pixel in each series, added up over series."""
    return (
        f"{points(measurement, [field], where=where, keep=keep)}\n"
        f"  |> aggregateWindow(every: v.windowPeriod, fn: {fn}, createEmpty: true)\n"
        f"  |> group(columns: {_names([*by, '_time'])})\n"
        f"  |> sum()\n"
        f"  |> group(columns: {_names(by)})\n"
        f'  |> sort(columns: ["_time"])'
    )


def each(measurement: str, field: str, *, by: Sequence[str], where: Sequence[str] = ()) -> str:
    """Every point, a series for each value of the tags ``by``."""
    return (
        f"{points(measurement, [field], where=where)}\n"
        f"  |> group(columns: {_names(by)})\n"
        f"  |> {_IN_ORDER}\n"
        f"  |> keep(columns: {_names(['_time', '_value', *by])})"
    )


def latest(measurement: str, fields: Sequence[str], *, by: Sequence[str], where: Sequence[str] = (), keep: str = "") -> str:
    """A row for each value of the tags ``by``, with the last value of each field as a column."""
    return (
        f"{points(measurement, fields, where=where, keep=keep)}\n"
        f"  |> last()\n"
        f"  |> group(columns: {_names([*by, '_field'])})\n"
        f"  |> {_IN_ORDER}\n"
        f"  |> last()\n"
        f'  |> pivot(rowKey: {_names(by)}, columnKey: ["_field"], valueColumn: "_value")\n'
        f"  |> group()\n"
        f"  |> keep(columns: {_names([*by, *fields])})"
    )


def rows(
    measurement: str, fields: Sequence[str], *, tags: Sequence[str], where: Sequence[str] = (), keep: str = "", limit: int = 200
) -> str:
    """A row for each event, newest first, with its fields as columns."""
    return (
        f"{points(measurement, fields, where=where, keep=keep)}\n"
        f'  |> pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value")\n'
        f"  |> group()\n"
        f"  |> keep(columns: {_names(['_time', *tags, *fields])})\n"
        f'  |> sort(columns: ["_time"], desc: true)\n'
        f"  |> limit(n: {limit})"
    )


def values_of(measurement: str, tag: str) -> str:
    """The values that a tag has in the time range, for a variable: from the index, whatever the number of points."""
    return (
        'import "influxdata/influxdb/schema"\n'
        f'schema.tagValues(bucket: v.defaultBucket, tag: "{tag}", predicate: (r) => r._measurement == "{measurement}", '
        "start: v.timeRangeStart, stop: v.timeRangeStop)"
    )


def _names(names: Sequence[str]) -> str:
    return "[" + ", ".join(f'"{name}"' for name in names) + "]"
