"""Panels: what a query looks like."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from grafana_foundation_sdk.builders import candlestick, common, stat, table, timeseries
from grafana_foundation_sdk.builders.dashboard import FieldColor, ThresholdsConfig
from grafana_foundation_sdk.builders.prometheus import Dataquery as PrometheusQuery
from grafana_foundation_sdk.models import candlestick as candles
from grafana_foundation_sdk.models.common import (
    BigValueColorMode,
    BigValueGraphMode,
    BigValueTextMode,
    GraphDrawStyle,
    LegendDisplayMode,
    LegendPlacement,
    SortOrder,
    StackingMode,
    TableCellHeight,
    TooltipDisplayMode,
    VisibilityMode,
)
from grafana_foundation_sdk.models.dashboard import (
    DataSourceRef,
    DynamicConfigValue,
    FieldColorModeId,
    Threshold,
    ThresholdsMode,
)

from trademaster.dashboards.flux import INFLUXDB, Flux

PROMETHEUS = DataSourceRef(type_val="prometheus", uid="prometheus")

FULL, HALF, THIRD, QUARTER = 24, 12, 8, 6
"""Columns of the grid that a panel takes."""

AnyPanel = TypeVar("AnyPanel", timeseries.Panel, stat.Panel, table.Panel, candlestick.Panel)


def graph(title: str, text: str, *, name: str, unit: str = "short", span: int = HALF, says: str = "") -> timeseries.Panel:
    """Lines over time, from Flux.

    Args:
        title: of the panel.
        text: the query.
        name: of a line, from its labels.
        unit: by Grafana's name.
        span: columns of the grid.
        says: what it shows, where the title does not say it.
    """
    return (
        _lines(_placed(timeseries.Panel(), title, span, 8, says).datasource(INFLUXDB).unit(unit)).with_target(Flux(text)).display_name(name)
    )


def bars(title: str, text: str, *, name: str, unit: str = "short", span: int = HALF, says: str = "") -> timeseries.Panel:
    """Stacked columns over time, from Flux, such as counts."""
    panel = graph(title, text, name=name, unit=unit, span=span, says=says)
    return panel.draw_style(GraphDrawStyle.BARS).fill_opacity(60).line_width(0).stacking(common.StackingConfig().mode(StackingMode.NORMAL))


def dots(title: str, text: str, *, name: str, unit: str = "short", span: int = HALF, says: str = "") -> timeseries.Panel:
    """A point an event, from Flux."""
    return graph(title, text, name=name, unit=unit, span=span, says=says).draw_style(GraphDrawStyle.POINTS).point_size(6)


def rate(title: str, expression: str, *, legend: str, unit: str = "short", span: int = HALF, says: str = "") -> timeseries.Panel:
    """Lines over time, from PromQL."""
    query = PrometheusQuery().ref_id("A").expr(expression).legend_format(legend).range().datasource(PROMETHEUS)
    return _lines(_placed(timeseries.Panel(), title, span, 8, says).datasource(PROMETHEUS).unit(unit)).with_target(query)


def number(
    title: str, text: str, *, name: str, unit: str = "short", span: int = QUARTER, red_above: float | None = None, says: str = ""
) -> stat.Panel:
    """The last number large, from Flux."""
    panel = _stat(title, unit, span, red_above, says).datasource(INFLUXDB).with_target(Flux(text))
    return panel.display_name(name)


def gauge(
    title: str, expression: str, *, unit: str = "short", span: int = QUARTER, red_above: float | None = None, says: str = ""
) -> stat.Panel:
    """The last number large, from PromQL."""
    query = PrometheusQuery().ref_id("A").expr(expression).legend_format(title).range().datasource(PROMETHEUS)
    return _stat(title, unit, span, red_above, says).datasource(PROMETHEUS).with_target(query)


def listing(title: str, text: str, *, span: int = FULL, units: dict[str, str] | None = None, says: str = "") -> table.Panel:
    """A table, from Flux.

    Args:
        title: of the panel.
        text: the query.
        span: columns of the grid.
        units: of columns by name, where they differ from plain numbers.
        says: what it shows.
    """
    panel = _placed(table.Panel(), title, span, 9, says).datasource(INFLUXDB).with_target(Flux(text))
    panel = panel.cell_height(TableCellHeight.SM).filterable(True)
    for column, unit in (units or {}).items():
        panel = panel.override_by_name(column, [DynamicConfigValue(id_val="unit", value=unit)])
    return panel


def candle(title: str, text: str, *, span: int = FULL) -> candlestick.Panel:
    """Open, high, low, close and volume of one symbol, from Flux; repeated for each symbol that is chosen."""
    fields = candlestick.CandlestickFieldMap().open("open").high("high").low("low").close("close").volume("volume")
    panel = _placed(candlestick.Panel(), title, span, 11, "").datasource(INFLUXDB).with_target(Flux(text))
    return (
        panel.mode(candles.VizDisplayMode.CANDLES_VOLUME)
        .fields(fields)
        .include_all_fields(False)
        .repeat("symbol")
        .repeat_direction("h")
        .max_per_row(2)
    )


def _placed(panel: AnyPanel, title: str, span: int, height: int, says: str) -> AnyPanel:
    panel = panel.title(title).span(span).height(height)
    return panel.description(says) if says else panel


def _lines(panel: timeseries.Panel) -> timeseries.Panel:
    legend = common.VizLegendOptions().display_mode(LegendDisplayMode.LIST).placement(LegendPlacement.BOTTOM).show_legend(True)
    tooltip = common.VizTooltipOptions().mode(TooltipDisplayMode.MULTI).sort(SortOrder.DESCENDING)
    return panel.legend(legend).tooltip(tooltip).line_width(1).fill_opacity(6).show_points(VisibilityMode.AUTO).span_nulls(True)


def _stat(title: str, unit: str, span: int, red_above: float | None, says: str) -> stat.Panel:
    panel = _placed(stat.Panel(), title, span, 4, says).unit(unit).graph_mode(BigValueGraphMode.AREA)
    panel = panel.text_mode(BigValueTextMode.VALUE_AND_NAME).reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
    if red_above is None:
        return panel.color_mode(BigValueColorMode.NONE)
    steps: Sequence[Threshold] = [Threshold(value=None, color="green"), Threshold(value=red_above, color="red")]
    colour = FieldColor().mode(FieldColorModeId.THRESHOLDS)
    panel = panel.thresholds(ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(list(steps))).color_scheme(colour)
    return panel.color_mode(BigValueColorMode.VALUE)
