"""The files that Grafana reads are those that the code makes, and are dashboards by Grafana's own types."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import NoReturn

import pytest
import yaml

from tests.servers import must_not_skip
from tests.servers.kept import kept
from tests.trademaster.dashboards.grafana import boards
from trademaster.dashboards.files import FOLDER, texts, write

GRAFANA_TYPES, TYPESCRIPT = "@grafana/schema@11.6.16", "typescript@5.9.3"

# In JSON a member of an enumeration is its text.
_AS_JSON = """type AsJson<T> = T extends string ? `${T}` : T extends object ? { [K in keyof T]: AsJson<T[K]> } : T;"""


@pytest.mark.parametrize("name", texts())
def test_a_file_is_what_the_code_makes(name: str) -> None:
    assert (FOLDER / name).read_text(encoding="utf-8") == texts()[name], "run `python -m trademaster.dashboards`"


def test_no_dashboard_is_left_of_a_code_that_is_gone() -> None:
    assert {path.relative_to(FOLDER).as_posix() for path in FOLDER.glob("dashboards/*.json")} < texts().keys()


def test_the_same_bytes_each_time(tmp_path: Path) -> None:
    first = {path.name: path.read_bytes() for path in write(tmp_path)}
    assert first == {path.name: path.read_bytes() for path in write(tmp_path)}


def test_panels_have_ids_of_their_own_and_do_not_overlap() -> None:
    for title, board in boards().items():
        places = [
            (x, y)
            for panel in board["panels"]
            for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
            for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
        ]
        assert len(places) == len(set(places)), title
        assert max(x for x, _ in places) < 24, title
        assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
    uids = [board["uid"] for board in boards().values()]
    assert len(uids) == len(set(uids)) == 5


def test_sources_of_panels_are_provisioned() -> None:
    provisioned = yaml.safe_load((FOLDER / "provisioning" / "datasources" / "sources.yaml").read_text())
    known = {(source["type"], source["uid"]) for source in provisioned["datasources"]}
    used = {(panel["datasource"]["type"], panel["datasource"]["uid"]) for board in boards().values() for panel in board["panels"]}
    assert used == known
    (rules,) = yaml.safe_load((FOLDER / "provisioning" / "alerting" / "rules.yaml").read_text())["groups"]
    assert {step["datasourceUid"] for rule in rules["rules"] for step in rule["data"]} <= {uid for _, uid in known} | {"__expr__"}


def test_dashboards_are_dashboards_by_grafanas_types(tmp_path: Path) -> None:
    modules = _node_modules()
    (tmp_path / "node_modules").symlink_to(modules)
    lines = ['import { Dashboard } from "@grafana/schema";', _AS_JSON]
    for number, board in enumerate(boards().values()):
        for annotation in board["annotations"].get("list", []):
            del annotation["target"]["query"]  # the type knows what queries of all sources have
        lines.append(f"export const board{number}: AsJson<Dashboard> = {json.dumps(board)};")
    (tmp_path / "boards.ts").write_text("\n".join(lines))
    command = [
        str(modules / ".bin" / "tsc"),
        "--noEmit",
        "--strict",
        "--skipLibCheck",
        "--moduleResolution",
        "bundler",
        "--module",
        "esnext",
    ]
    checked = subprocess.run([*command, "boards.ts"], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert checked.returncode == 0, checked.stdout[-3000:]


def _node_modules() -> Path:
    if shutil.which("npm") is None:
        _left_out("npm is not here")
    name = f"grafana-types-{GRAFANA_TYPES.rpartition('@')[2]}-{TYPESCRIPT.rpartition('@')[2]}"
    try:
        return kept(name, _install, wait_seconds=200) / "node_modules"
    except (RuntimeError, TimeoutError) as error:
        _left_out(str(error))


def _install(work: Path) -> Path:
    folder = work / "types"
    folder.mkdir()
    (folder / "package.json").write_text('{"private": true}')
    command = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", "--legacy-peer-deps", GRAFANA_TYPES, TYPESCRIPT]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=240, check=False)
    if done.returncode:
        raise RuntimeError(f"npm cannot get {GRAFANA_TYPES}: {(done.stdout + done.stderr).strip()[-300:]}")
    return folder


def _left_out(why: str) -> NoReturn:
    if must_not_skip():
        pytest.fail(f"CI must not leave tests out. {why}")
    pytest.skip(f"dashboards were not checked by Grafana's types: {why}")
