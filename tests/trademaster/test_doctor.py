"""The doctor looks, says what to do, and changes nothing."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trademaster import doctor
from trademaster.cli import execute
from trademaster.settings_sources import load_settings


def findings(folder: Path, **bus: str) -> dict[str, doctor.Finding]:
    os.chdir(folder)
    return {finding.check: finding for finding in doctor.examine(**bus)}  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("TRADEMASTER_")]:
        monkeypatch.delenv(name)


def test_a_fresh_folder_is_well_and_stays_empty(tmp_path: Path) -> None:
    found = findings(tmp_path)
    assert list(found) == ["python", "settings", "bus", "disk", "kernels", "clock", "files"]
    assert {found[check].status for check in ("python", "settings", "bus")} == {"ok"}
    assert list(tmp_path.iterdir()) == []


def test_whatever_is_not_ok_comes_with_advice(tmp_path: Path) -> None:
    for finding in findings(tmp_path, bus="kafka://127.0.0.1:1").values():
        assert finding.status == "ok" or finding.advice, finding


def test_wrong_settings_fail_and_the_other_checks_go_on(tmp_path: Path) -> None:
    (tmp_path / "trademaster.toml").write_text("[engine]\nprocesses = 0\n")
    found = findings(tmp_path)
    assert found["settings"].status == "fail"
    assert "engine.processes" in found["settings"].found
    assert "disk" in found


def test_missing_topics_are_a_warning_with_the_command(tmp_path: Path) -> None:
    from trademaster.bus import open_bus

    open_bus(f"embedded:{tmp_path}/bus").close()
    assert findings(tmp_path, bus=f"embedded:{tmp_path}/bus")["topics"].status == "warn"
    assert execute(["topics", "create", "--bus", f"embedded:{tmp_path}/bus"]) == 0
    assert findings(tmp_path, bus=f"embedded:{tmp_path}/bus")["topics"].status == "ok"


def test_exit_code_and_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["doctor", "--json"]) == 0
    assert {finding["status"] for finding in json.loads(capsys.readouterr().out)} <= {"ok", "warn"}
    assert execute(["doctor", "--set", "log.level=loud"]) == 1
    assert "fail  settings" in capsys.readouterr().out


@given(st.integers(0, 100 * doctor.GIB), st.integers(0, 100 * doctor.GIB))
def test_more_room_is_never_worse(one: int, other: int) -> None:
    order = ["fail", "warn", "ok"]
    less, more = (doctor.disk_finding(Path("x"), free, writable=True) for free in sorted((one, other)))
    assert order.index(less.status) <= order.index(more.status)
    assert doctor.disk_finding(Path("x"), other, writable=False).status == "fail"


@pytest.mark.parametrize(("version", "status"), [((3, 10), "fail"), ((3, 11), "ok"), ((3, 12), "ok"), ((3, 13), "fail")])
def test_the_pythons_that_work(version: tuple[int, int], status: str) -> None:
    assert doctor.check_python(version).status == status


@pytest.mark.parametrize("kept", ["elsewhere/below", "__pycache__"])
def test_a_kernel_is_compiled_when_its_index_is_newer_than_its_file(tmp_path: Path, kept: str) -> None:
    source = tmp_path / "bars.py"
    source.write_text("@njit(cache=True)\n")
    index = tmp_path / kept / f"bars.close-12.py{sys.version_info[0]}{sys.version_info[1]}.nbi"
    index.parent.mkdir(parents=True)
    assert not doctor.is_compiled(source, tmp_path / "elsewhere")
    index.touch()
    os.utime(source, ns=(1, 1))
    assert doctor.is_compiled(source, tmp_path / "elsewhere")
    os.utime(index, ns=(0, 0))
    assert not doctor.is_compiled(source, tmp_path / "elsewhere")


def test_the_files_with_kernels_are_found(tmp_path: Path) -> None:
    (tmp_path / "schemas").mkdir()
    for name, text in {"a": "@kernel\n", "b": "    @njit(cache=True, nogil=True)\n", "c": "# cache=True\n", "d": "@njit\n"}.items():
        (tmp_path / "schemas" / f"{name}.py").write_text(text)
    assert [path.stem for path in doctor.kernel_files(tmp_path)] == ["a", "b"]


@pytest.mark.parametrize(
    ("url", "folder"), [("embedded:data/bus", "data/bus"), ("embedded:///var/bus?durable=true", "/var/bus"), ("embedded:/a", "/a")]
)
def test_the_folder_of_a_bus(url: str, folder: str) -> None:
    assert doctor.bus_folder(url) == Path(folder)


def test_the_disk_of_a_bus_on_kafka_is_not_ours() -> None:
    settings = load_settings(environment={}, sets=["bus.url=kafka://a:1", "engine.recovery=false"])
    assert list(doctor.check_disk(settings)) == []
