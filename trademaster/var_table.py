"""The report of ``trademaster analyze var`` for a person: a row a question, a column a method."""

from __future__ import annotations

from collections.abc import Callable

from rich import box
from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from operators.risk.statistics.backtest import Backtest
from operators.risk.statistics.likelihood import RatioTest
from operators.risk.statistics.traffic_light import TrafficLight
from trademaster.var_backtest import REJECTED_BELOW, Answer, last_light


def print_answer(answer: Answer, console: Console) -> None:
    """Print it on a console."""
    asked = answer.question
    title = f"{asked.path.name}, column {answer.column}: {len(answer.returns):,} returns" + (
        " of prices" if answer.kind == "prices" else ""
    )
    said = f"value at risk of one step at {asked.confidence:g}, each from the {asked.window} returns before it"
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("")
    for one in answer.backtests:
        table.add_column(one.method, justify="right")
    for label, text in _ROWS.items():
        table.add_row(label, *(text(one) for one in answer.backtests))
    table.add_row("next step's VaR", *(f"{value:.4%}" for value in answer.next_var))
    note = Text(f"A test rejects where its p is below {REJECTED_BELOW:g}.", style="dim")
    console.print(Group(Text(title), Text(said), table, note))


def _p_value(test: RatioTest) -> Text:
    if test.p_value < REJECTED_BELOW:
        return Text(f"rejects {test.p_value:.4f}", style="red")
    return Text(f"{test.p_value:.4f}")


def _light(light: TrafficLight) -> Text:
    increase = light.multiplier_increase
    return Text(light.zone + (f", +{increase:.2f}" if increase else ""), style=light.zone)


_ROWS: dict[str, Callable[[Backtest], str | Text]] = {
    "observations": lambda one: f"{one.observations:,}",
    "exceptions": lambda one: f"{one.exceptions:,}",
    "expected": lambda one: f"{one.expected:.1f}",
    "Kupiec: how many": lambda one: f"{one.kupiec.statistic:.3f}",
    "  p": lambda one: _p_value(one.kupiec),
    "Christoffersen: alone": lambda one: f"{one.independence.statistic:.3f}",
    "   p": lambda one: _p_value(one.independence),
    "both": lambda one: f"{one.conditional_coverage.statistic:.3f}",
    "    p": lambda one: _p_value(one.conditional_coverage),
    "zone": lambda one: _light(one.light),
    "exceptions of last 250": lambda one: "-" if (last := last_light(one)) is None else str(last[0]),
    "zone of last 250": lambda one: "-" if (last := last_light(one)) is None else _light(last[1]),
    "mean VaR": lambda one: f"{one.value_at_risk.mean():.4%}",
}
