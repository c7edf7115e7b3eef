"""``python -m trademaster``."""

from __future__ import annotations

from trademaster.cli import main

if __name__ == "__main__":
    main()
