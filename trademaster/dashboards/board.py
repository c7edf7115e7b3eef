"""A dashboard's frame: its variables, the alerts drawn over its graphs, links to the others."""

from __future__ import annotations

from collections.abc import Sequence

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.dashboard import (
    AnnotationTarget,
    Dashboard,
    DashboardCursorSync,
    DashboardLinkType,
    DataSourceRef,
    Panel,
    VariableModel,
    VariableRefresh,
    VariableSort,
)

from trademaster.dashboards.flux import INFLUXDB, points, values_of

TAG = "trademaster"
_AMZN_SESSION = "from=1340285400000&to=1340308800000"
"""09:30 to 16:00 in New York, 2012-06-21: the session that ships with the program, in milliseconds."""


def board(
    title: str,
    panels: Sequence[Builder[Panel]],
    *,
    variables: Sequence[Builder[VariableModel]],
    says: str,
    alerts_of: str | None = None,
    since: str = "now-1h",
) -> Dashboard:
    """A dashboard.

    Args:
        title: also its address, in lower case with ``-``.
        panels: in reading order; the grid is filled from the left.
        variables: that its queries name.
        says: what it is for.
        alerts_of: the variable whose alerts are drawn over the graphs: ``symbol`` or ``account``; None: none are.
        since: start of the time range at first.
    """
    uid = "trademaster-" + title.lower().replace(" ", "-")
    made = dashboard.Dashboard(title).uid(uid).description(says).tags([TAG]).timezone("utc").refresh("10s").time(since, "now")
    made = (
        made.editable()
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .timepicker(dashboard.TimePicker().refresh_intervals(["5s", "10s", "1m", "5m"]))
    )
    made = made.link(
        dashboard.DashboardLink("TradeMaster").type(DashboardLinkType.DASHBOARDS).tags([TAG]).as_dropdown(True).keep_time(True)
    )
    if alerts_of:
        session = dashboard.DashboardLink("AMZN session of 2012").type(DashboardLinkType.LINK).url(f"/d/{uid}?{_AMZN_SESSION}")
        made = made.link(session).annotation(_alerts(alerts_of))
    for variable in variables:
        made = made.with_variable(variable)
    for panel in panels:
        made = made.with_panel(panel)
    built = made.build()
    for number, placed in enumerate(built.panels or [], start=1):
        placed.id_val = number
    return built


def chosen(tag: str, measurement: str, *, multi: bool = True, label: str | None = None) -> dashboard.QueryVariable:
    """A variable that offers the values of a tag in the time range; by default all of them are chosen."""
    variable = dashboard.QueryVariable(tag).label(label or tag).datasource(INFLUXDB).query(values_of(measurement, tag))
    variable = variable.refresh(VariableRefresh.ON_TIME_RANGE_CHANGED).sort(VariableSort.ALPHABETICAL_ASC).multi(multi).include_all(multi)
    # Grafana writes the value into a regular expression, where this one finds all, also what has no such tag.
    return variable.all_value(".*") if multi else variable


def offered(name: str, query: str, source: DataSourceRef, *, label: str) -> dashboard.QueryVariable:
    """A variable of another source, of which all values are chosen by default."""
    variable = dashboard.QueryVariable(name).label(label).datasource(source).query({"query": query, "refId": name})
    return variable.refresh(VariableRefresh.ON_TIME_RANGE_CHANGED).multi(True).include_all(True).all_value(".*")


class _FluxTarget(AnnotationTarget, Builder[AnnotationTarget]):
    """What the SDK's own has are fields of Grafana's built-in source; a Flux source wants its query there."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = text

    def build(self) -> AnnotationTarget:
        return self

    def to_json(self) -> dict[str, object]:
        return {"refId": "Alerts", "query": self._text, "datasource": INFLUXDB.to_json()}


def alerts_query(tag: str) -> str:
    """Breaches and clears, with the texts that Grafana shows of an annotation."""
    return (
        f"{points('risk_alerts', ['value'], where=[tag])}\n"
        "  |> group()\n"
        '  |> map(fn: (r) => ({_time: r._time, title: r.rule + " " + r.state, text: string(v: r._value), tags: r.rule}))'
    )


def _alerts(tag: str) -> dashboard.AnnotationQuery:
    query = dashboard.AnnotationQuery().name("Alerts").datasource(INFLUXDB).enable(True).icon_color("red")
    return query.target(_FluxTarget(alerts_query(tag)))
