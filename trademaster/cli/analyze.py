"""``trademaster analyze``."""

from __future__ import annotations

import json as jsonlib
from pathlib import Path
from typing import Annotated, Literal

import typer

from trademaster.cli import options
from trademaster.cli.commands import COMMANDS


def var(
    input_: Annotated[Path, typer.Option("--input", metavar="FILE", help="Table to read: .csv or .parquet, oldest row first.")],
    column: Annotated[
        str | None, typer.Option("--column", metavar="NAME", help="Its column; close, price or return if one of them is there.")
    ] = None,
    is_price: Annotated[
        bool | None,
        typer.Option("--price/--returns", help="What the column holds: prices, or simple returns; by its name if left out."),
    ] = None,
    confidence: Annotated[float, typer.Option(metavar="FRACTION", help="How sure, such as 0.99.")] = 0.99,
    window: Annotated[int, typer.Option(metavar="N", help="Returns that a value at risk is made of.")] = 252,
    method: Annotated[Literal["historical", "parametric", "ewma", "all"], typer.Option(help="How it is made of them.")] = "all",
    json: Annotated[bool, typer.Option("--json", help="One JSON object, with every exception.")] = False,
) -> None:
    """Test value at risk against what came: exceptions, Kupiec, Christoffersen, Basel's traffic light.

    For each return after the first window the value at risk is made of the window before it, for one step. A loss above it is an exception.
    Kupiec's test asks whether there are as many as the confidence says, Christoffersen's whether they come alone, and both together;
    Basel's zone is of all observations, and of the last 250. Statistics are likelihood ratios with their p-values.

    Example: trademaster analyze var --input spy.csv --column close --confidence 0.99 --window 252
    """
    from trademaster.var_backtest import Question, report, run_backtest

    kind: Literal["prices", "returns"] | None = None if is_price is None else "prices" if is_price else "returns"
    answer = run_backtest(Question(input_, column, kind, confidence, window, method))
    if json:
        typer.echo(jsonlib.dumps(report(answer), indent=2))
        return
    from rich.console import Console

    from trademaster.var_table import print_answer

    print_answer(answer, Console())


app = options.group(COMMANDS["analyze"], var)
