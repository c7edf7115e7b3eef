"""``trademaster settings``."""

from __future__ import annotations

import json as jsonlib
from typing import Annotated

import typer

from trademaster.cli import options
from trademaster.cli.commands import COMMANDS


def show(
    json: Annotated[bool, typer.Option("--json", help="One JSON object: name to value and origin.")] = False,
    bus: options.BusUrl = None,
    config: options.Config = None,
    sets: options.Sets = None,
) -> None:
    """Print every setting with its value and where it came from."""
    from trademaster.settings_sources import load
    from trademaster.settings_text import shown_values, text_of

    loaded = load(config=config, sets=sets or (), flags={"bus.url": bus})
    values = shown_values(loaded.settings)
    if json:
        table = {name: {"value": value, "origin": loaded.origins[name]} for name, value in values.items()}
        typer.echo(jsonlib.dumps(table, indent=2))
        return
    texts = {name: text_of(value) for name, value in values.items()}
    widths = max(map(len, texts)), max(map(len, texts.values()))
    for name, text in texts.items():
        typer.echo(f"{name:<{widths[0]}}  {text:<{widths[1]}}  {loaded.origins[name]}")


app = options.group(COMMANDS["settings"], show)
