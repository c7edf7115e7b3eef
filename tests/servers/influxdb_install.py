"""InfluxDB's servers, built from their Go modules and kept in the cache folder.

``python -m tests.servers.influxdb_install`` builds both, once: InfluxDB 2 takes five to fifteen minutes on two cores, InfluxDB 1.8 two. No
Debian package and no registry has the programs; the modules have their source, and cargo builds the Rust in that of 2 (libflux) on the way.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from tests.servers import ServerMissing, cache_folder
from tests.servers.kept import is_being_made, kept

_PKG_CONFIG_VERSION = "v0.2.14"
_GO_AT_LEAST = (1, 22)
_BUILD_SECONDS = 2400
WAIT_SECONDS = 1800.0
"""For a build that goes on beside the tests."""

HOW_TO_GET = (
    "set TRADEMASTER_TEST_INFLUXDB=http://host:port with TRADEMASTER_TEST_INFLUXDB_TOKEN and _ORG (InfluxDB 2), or start Docker, "
    f"or install Go {'.'.join(map(str, _GO_AT_LEAST))}, cargo and a C compiler and run "
    "`python -m tests.servers.influxdb_install` once (5 to 15 minutes)"
)

# libflux denies warnings, and a compiler newer than the one it was written for has more of them.
_RUSTC_WRAPPER = """#!/bin/sh
case " $* " in
  *" --cap-lints"*) exec "$@" ;;
  *) exec "$@" --cap-lints=allow ;;
esac
"""


@dataclass(frozen=True, slots=True)
class Release:
    """One version of the server.

    Attributes:
        version: of its module.
        package: that is the program.
        tags: of the build.
        has_rust: libflux is part of it.
    """

    version: str
    package: str
    tags: str = ""
    has_rust: bool = False

    @property
    def name(self) -> str:
        """Of the program in the cache."""
        return f"influxd-{self.version}"


# Without the tag `assets` there is no page at /, and no npm is needed.
INFLUXDB_2 = Release("2.7.12", "github.com/influxdata/influxdb/v2/cmd/influxd", "sqlite_foreign_keys,sqlite_json", has_rust=True)
INFLUXDB_1 = Release("1.8.10", "github.com/influxdata/influxdb/cmd/influxd")


def influxd(release: Release, *, build: bool) -> Path:
    """The program, kept from before, or from a build that is going on, or built now.

    Args:
        release: which.
        build: start the build if it is neither there nor being built; without it such a machine has no InfluxDB.

    Raises:
        ServerMissing: it is not to be had; the message says why and what to do.
    """
    home = cache_folder() / release.name
    if not (build or home.exists() or is_being_made(release.name)):
        raise ServerMissing(f"InfluxDB {release.version} is not built; {HOW_TO_GET}")
    try:
        return kept(release.name, lambda work: _build(release, work), wait_seconds=WAIT_SECONDS)
    except TimeoutError as error:
        raise ServerMissing(f"InfluxDB {release.version}: {error}; {HOW_TO_GET}") from error


def is_ready() -> bool:
    """Whether asking for either costs nothing."""
    return all((cache_folder() / release.name).exists() for release in (INFLUXDB_2, INFLUXDB_1))


def _build(release: Release, work: Path) -> Path:
    environment = _environment(release, work)
    if release.has_rust:
        _run(["go", "install", f"github.com/influxdata/pkg-config@{_PKG_CONFIG_VERSION}"], work, environment)
    module = work / "build"
    module.mkdir()
    _run(["go", "mod", "init", "influxd-build"], module, environment)
    _run(["go", "get", "-tool", f"{release.package}@v{release.version}"], module, environment)
    _run(["go", "build", "-tags", release.tags, "-ldflags", "-s -w", "-o", str(work / "influxd"), release.package], module, environment)
    return work / "influxd"


def _environment(release: Release, work: Path) -> dict[str, str]:
    """What go, the helper that it takes for pkg-config, and cargo need to build libflux outside its own repository."""
    _require_tools(release)
    if not release.has_rust:
        return dict(os.environ)
    wrapper = work / "rustc-wrapper"
    wrapper.write_text(_RUSTC_WRAPPER)
    wrapper.chmod(0o755)
    return {
        **os.environ,
        "GOBIN": str(work),
        "PKG_CONFIG": str(work / "pkg-config"),
        "RUSTUP_TOOLCHAIN": os.environ.get("RUSTUP_TOOLCHAIN", "stable"),
        "RUSTC_WRAPPER": str(wrapper),
        "CARGO_PROFILE_RELEASE_LTO": "off",
    }


def _require_tools(release: Release) -> None:
    for tool in ("go", "cc", *(("cargo", "pkg-config") if release.has_rust else ())):
        if shutil.which(tool) is None:
            raise ServerMissing(f"InfluxDB: there is no `{tool}` to build it with; {HOW_TO_GET}")
    said = subprocess.run(["go", "version"], capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False).stdout
    found = re.search(r"go(\d+)\.(\d+)", said)
    if found is None or (int(found.group(1)), int(found.group(2))) < _GO_AT_LEAST:
        raise ServerMissing(f"InfluxDB: it needs Go {_GO_AT_LEAST}, this is {said.strip()!r}; {HOW_TO_GET}")


def _run(command: list[str], folder: Path, environment: dict[str, str]) -> None:
    """At low priority: lint and tests run beside the build."""
    try:
        ran = subprocess.run(
            ["nice", "-n", "10", *command],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_BUILD_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ServerMissing(f"InfluxDB: `{command[1]}` took more than {_BUILD_SECONDS} s; {HOW_TO_GET}") from error
    if ran.returncode != 0:
        raise ServerMissing(f"InfluxDB: `{' '.join(command[:2])}` failed: {ran.stderr[-3000:]}; {HOW_TO_GET}")


if __name__ == "__main__":
    started_s = time.monotonic()
    try:
        for each in (INFLUXDB_2, INFLUXDB_1):
            print(f"{influxd(each, build=True)} ({time.monotonic() - started_s:.0f} s)", flush=True)
    except ServerMissing as error:
        sys.exit(str(error))
