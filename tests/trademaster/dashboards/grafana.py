"""What Grafana does with a dashboard before it asks: variables are replaced by what is chosen, here by all that there is."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from schemas.times import format_time
from trademaster.dashboards.files import texts


def boards() -> dict[str, dict[str, Any]]:
    """Each dashboard as JSON, by its title."""
    made = [json.loads(text) for path, text in texts().items() if path.endswith(".json")]
    return {board["title"]: board for board in made}


def queries(source: str) -> Iterator[tuple[str, str]]:
    """What is asked of a source, with the place it stands at: each panel's, each variable's, each annotation's."""
    for title, board in boards().items():
        for panel in board["panels"]:
            for target in panel["targets"]:
                if panel["datasource"]["type"] == source:
                    yield f"{title}: {panel['title']} {target['refId']}", target.get("query") or target["expr"]
        for variable in board["templating"]["list"]:
            if variable["datasource"]["type"] == source:
                query = variable["query"]
                yield f"{title}: ${variable['name']}", query if isinstance(query, str) else query["query"]
        for annotation in board["annotations"].get("list", []):
            if annotation["datasource"]["type"] == source and "query" in annotation.get("target", {}):
                yield f"{title}: {annotation['name']}", annotation["target"]["query"]


def flux(text: str, chosen: Mapping[str, str], *, bucket: str, start_ns: int, stop_ns: int) -> str:
    """The query as InfluxDB gets it: ``v`` is a record, ``${name:regex}`` what is chosen."""
    replaced = re.sub(r"\$\{(\w+):regex\}", lambda found: chosen[found[1]], text)
    values = {"timeRangeStart": format_time(start_ns), "timeRangeStop": format_time(stop_ns), "windowPeriod": "10s"}
    record = ", ".join(f"{name}: {value}" for name, value in values.items())
    imports = "".join(line + "\n" for line in replaced.splitlines() if line.startswith("import "))
    rest = "\n".join(line for line in replaced.splitlines() if not line.startswith("import "))
    return f'{imports}option v = {{{record}, defaultBucket: "{bucket}"}}\n{rest}'


def promql(text: str, *, rate_interval: str) -> str:
    """The query as Prometheus gets it."""
    return re.sub(r"\$(job|topic)\b", ".*", text).replace("$__rate_interval", rate_interval)
