"""The files that Grafana reads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

from trademaster.dashboards.alerting import alerting
from trademaster.dashboards.market import market
from trademaster.dashboards.orders import orders
from trademaster.dashboards.platform import platform
from trademaster.dashboards.portfolio import portfolio
from trademaster.dashboards.risk import risk

FOLDER = Path(__file__).resolve().parents[2] / "docker" / "grafana"


def boards() -> list[Dashboard]:
    """All dashboards."""
    return [market(), portfolio(), risk(), orders(), platform()]


def texts() -> dict[str, str]:
    """The text of each file, by its path in FOLDER."""
    files = {f"dashboards/{str(board.uid).removeprefix('trademaster-')}.json": board for board in boards()}
    made = {path: json.dumps(_plain(board), indent=2, sort_keys=True) + "\n" for path, board in files.items()}
    return {**made, "provisioning/alerting/rules.yaml": alerting()}


def _plain(board: Dashboard) -> dict[str, Any]:
    """As JSON. The SDK writes of every variable what only those of intervals have, which Grafana's types refuse."""
    plain: dict[str, Any] = json.loads(json.dumps(board, cls=JSONEncoder))
    for variable in plain["templating"]["list"]:
        for name in ("auto", "auto_count", "auto_min"):
            variable.pop(name, None)
    return plain


def write(folder: Path = FOLDER) -> list[Path]:
    """Write all files; those that are no more made stay."""
    paths = []
    for name, text in texts().items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        paths.append(path)
    return paths
