"""The manifests: Compose and hadolint take them, nothing has a secret by default, and each service is bounded, watched and kept."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from flows.table import DELIVERIES, FLOWS
from tests.docker.composed import FOLDER, SECRETS, compose, ours, services
from trademaster.settings import Settings

ROOT = FOLDER.parent


def test_compose_takes_the_file() -> None:
    ran = compose("config", "--quiet")
    assert (ran.returncode, ran.stderr) == (0, "")


@pytest.mark.parametrize("secret", SECRETS)
def test_no_secret_has_a_default(secret: str) -> None:
    ran = compose("config", "--quiet", without=secret)
    assert ran.returncode != 0
    assert f"{secret} is missing a value: see docker/.env.example" in ran.stderr


def test_the_example_names_every_variable_and_holds_no_secret() -> None:
    example = (FOLDER / ".env.example").read_text()
    used = set(re.findall(r"\$\{(\w+)", (FOLDER / "compose.yaml").read_text()))
    assert set(re.findall(r"^#?([A-Z_]+)=", example, re.MULTILINE)) == used
    assert set(re.findall(r"^([A-Z_]+)=$", example, re.MULTILINE)) == SECRETS.keys()
    assert "docker/.env\n" in (ROOT / ".gitignore").read_text()


def test_every_service_is_bounded_and_its_log_too() -> None:
    for name, service in services().items():
        assert int(service["mem_limit"]) <= 4 << 30, name
        assert service["cpus"] <= 2, name
        assert service["logging"]["options"]["max-size"], name
        assert ":" in service["image"] or name in ours(), f"{name}: an image without a version changes by itself"


def test_every_service_that_stays_is_watched_and_comes_back() -> None:
    for name, service in services().items():
        if service["restart"] == "no":
            assert name.startswith("setup-")
        else:
            assert service["healthcheck"]["test"], name
            assert service["restart"] == "unless-stopped", name


def test_nothing_is_open_to_other_machines() -> None:
    for name, service in services().items():
        assert all(port["host_ip"] == "127.0.0.1" for port in service.get("ports", [])), name


def test_ours_may_write_their_volumes_and_nothing_else() -> None:
    for name, service in ours().items():
        assert service["read_only"], name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        own = [volume["source"] for volume in service.get("volumes", []) if volume["source"] != "kernels"]
        assert own == ([] if service["restart"] == "no" else [name])


def test_settings_are_settings_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    for service in ours().values():
        with monkeypatch.context() as patched:
            for variable, value in service["environment"].items():
                patched.setenv(variable, value)
            Settings()


def test_every_flow_and_delivery_runs_somewhere_once() -> None:
    run = [flow for service in ours().values() if service["command"][0] == "run" for flow in service["command"][1:]]
    assert sorted(run) == sorted([*FLOWS, *DELIVERIES])


def test_grafana_gets_every_variable_that_its_files_name() -> None:
    files = (FOLDER / "grafana" / "provisioning" / "datasources" / "sources.yaml").read_text()
    named, given = set(re.findall(r"\$\{(\w+)\}", files)), services()["grafana"]["environment"]
    assert named
    assert named <= given.keys()


def test_prometheus_scrapes_every_run() -> None:
    scraped = yaml.safe_load((FOLDER / "prometheus" / "prometheus.yml").read_text())["scrape_configs"]
    targets = {job["job_name"]: [target for each in job["static_configs"] for target in each["targets"]] for job in scraped}
    runs = {name for name, service in ours().items() if service["command"][0] == "run"}
    assert targets == {name: [f"{name}:{ours()[name]['environment']['TRADEMASTER_ENGINE__METRICS_PORT']}"] for name in runs}


def test_hadolint_takes_the_dockerfile() -> None:
    program = str(Path(sys.executable).with_name("hadolint"))
    ran = subprocess.run([program, str(FOLDER / "Dockerfile")], capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 0, ran.stdout


def test_what_the_dockerfile_copies_is_a_whole_program(tmp_path: Path) -> None:
    """Its install step, without an engine: from what it copies and `.dockerignore` lets through alone."""
    copied = re.findall(r"^COPY (?!--)(.+) \S+$", (FOLDER / "Dockerfile").read_text(), re.MULTILINE)
    names = [name for line in copied for name in line.split()]
    allowed = re.findall(r"^!(.+)$", (ROOT / ".dockerignore").read_text(), re.MULTILINE)
    assert set(names) == set(allowed)
    source, target = tmp_path / "source", tmp_path / "target"
    source.mkdir()
    subprocess.run(["cp", "--recursive", *(str(ROOT / name) for name in names), str(source)], check=True)
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--target", str(target), str(source)]
    subprocess.run(pip, check=True, timeout=120)
    program = f"import sys; sys.path.insert(0, {str(target)!r}); import trademaster; from trademaster.data import amzn_trades; "
    program += "print(trademaster.__file__, sum(len(block.rows) for block in amzn_trades()))"
    said = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True
    ).stdout.split()
    assert Path(said[0]).is_relative_to(target)
    assert int(said[1]) == 11419
