"""Results: a row for each thing measured, as a table for people and as JSON for machines."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Row:
    """One thing measured."""

    name: str
    figures: Mapping[str, float]
    """By name, whose end is the unit; NaN: not measured."""
    at_most: Mapping[str, float] = field(default_factory=dict)
    """Budgets of figures."""
    at_least: Mapping[str, float] = field(default_factory=dict)

    def missed(self) -> list[str]:
        """Budgets that were not kept, each with its figure."""
        over = [
            f"{name} {shown(self.figures[name])} > {shown(most)}" for name, most in self.at_most.items() if not self.figures[name] <= most
        ]
        under = [
            f"{name} {shown(self.figures[name])} < {shown(least)}"
            for name, least in self.at_least.items()
            if not self.figures[name] >= least
        ]
        return over + under

    def verdict(self) -> str:
        """Of its budgets, in a word or by what was missed."""
        if not self.at_most and not self.at_least:
            return ""
        return "; ".join(self.missed()) or "kept"


def shown(value: float) -> str:
    """Three digits, thousands apart; an absent value is a dash."""
    if math.isnan(value):
        return "-"
    if abs(value) >= 1000:
        return f"{round(value, 2 - math.floor(math.log10(abs(value)))):,.0f}"
    return f"{value:.3g}"


def table(rows: Sequence[Row]) -> str:
    """Rows as a table of Markdown, a column for each figure that any has."""
    names = list(dict.fromkeys(name for row in rows for name in row.figures))
    budgets = any(row.verdict() for row in rows)
    lines = [["what", *names, *(["budget"] if budgets else [])]]
    for row in rows:
        figures = [shown(row.figures.get(name, float("nan"))) for name in names]
        lines.append([row.name, *figures, *([row.verdict()] if budgets else [])])
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    lines.insert(1, ["-" * width for width in widths])
    return "\n".join("| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in lines)
