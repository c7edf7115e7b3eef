"""The generated pages of ``docs/``: ``python -m trademaster.docs`` writes them, a test compares them."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent / "docs"


def pages() -> dict[str, str]:
    """Text of each page, by its file name."""
    from operators.indicators.reference import reference as indicators
    from trademaster.cli import reference as cli
    from trademaster.settings_text import reference as settings

    return {"cli.md": cli.reference(), "indicators.md": indicators(), "settings.md": settings()}


if __name__ == "__main__":
    for name, text in pages().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
