"""InfluxDB 2's server, built from its Go module and kept in the cache folder.

``python -m tests.servers.influxdb_install`` builds it: five to twelve minutes on two cores, once. No Debian package and no
registry has the program; the Go module has its source, and the Rust in it (libflux) is built by cargo on the way.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

from tests.servers import ServerMissing, cache_folder
from tests.servers.kept import is_being_made, kept

INFLUXDB_VERSION = "2.7.12"
_PKG_CONFIG_VERSION = "v0.2.14"
_GO_AT_LEAST = (1, 22)
_BUILD_SECONDS = 2400
WAIT_SECONDS = 1800.0
"""For a build that goes on beside the tests."""
_NAME = f"influxd-{INFLUXDB_VERSION}"

HOW_TO_GET = (
    "set TRADEMASTER_TEST_INFLUXDB=http://host:port (with TRADEMASTER_TEST_INFLUXDB_TOKEN, _ORG), or start Docker, "
    f"or install Go {'.'.join(map(str, _GO_AT_LEAST))}, cargo and a C compiler and run `python -m tests.servers.influxdb_install` "
    "once (5 to 12 minutes)"
)

# libflux denies warnings, and a compiler newer than the one it was written for has more of them.
_RUSTC_WRAPPER = """#!/bin/sh
case " $* " in
  *" --cap-lints"*) exec "$@" ;;
  *) exec "$@" --cap-lints=allow ;;
esac
"""


def influxd(*, build: bool) -> Path:
    """The program, kept from before, or from a build that is going on, or built now.

    Args:
        build: start the build if it is neither there nor being built; without it such a machine has no InfluxDB.

    Raises:
        ServerMissing: it is not to be had; the message says why and what to do.
    """
    home = cache_folder() / _NAME
    if not (build or home.exists() or is_being_made(_NAME)):
        raise ServerMissing(f"InfluxDB {INFLUXDB_VERSION} is not built; {HOW_TO_GET}")
    try:
        return kept(_NAME, _build, wait_seconds=WAIT_SECONDS)
    except TimeoutError as error:
        raise ServerMissing(f"InfluxDB {INFLUXDB_VERSION}: {error}; {HOW_TO_GET}") from error


def is_ready() -> bool:
    """Whether asking for it costs nothing."""
    return (cache_folder() / _NAME).exists()


def _build(work: Path) -> Path:
    environment = _environment(work)
    _run(["go", "install", f"github.com/influxdata/pkg-config@{_PKG_CONFIG_VERSION}"], work, environment)
    module = work / "build"
    module.mkdir()
    _run(["go", "mod", "init", "influxd-build"], module, environment)
    package = "github.com/influxdata/influxdb/v2/cmd/influxd"
    _run(["go", "get", "-tool", f"{package}@v{INFLUXDB_VERSION}"], module, environment)
    # Without the tag `assets` there is no page at /, and no npm is needed.
    tags = ["-tags", "sqlite_foreign_keys,sqlite_json", "-ldflags", "-s -w"]
    _run(["go", "build", *tags, "-o", str(work / "influxd"), package], module, environment)
    return work / "influxd"


def _environment(work: Path) -> dict[str, str]:
    """What go, the helper that it takes for pkg-config, and cargo need to build libflux outside its own repository."""
    _require_tools()
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


def _require_tools() -> None:
    for tool in ("go", "cargo", "cc", "pkg-config"):
        if shutil.which(tool) is None:
            raise ServerMissing(f"InfluxDB {INFLUXDB_VERSION}: there is no `{tool}` to build it with; {HOW_TO_GET}")
    said = subprocess.run(["go", "version"], capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False).stdout
    found = re.search(r"go(\d+)\.(\d+)", said)
    if found is None or (int(found.group(1)), int(found.group(2))) < _GO_AT_LEAST:
        raise ServerMissing(f"InfluxDB {INFLUXDB_VERSION}: it needs Go {_GO_AT_LEAST}, this is {said.strip()!r}; {HOW_TO_GET}")


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
        raise ServerMissing(f"InfluxDB {INFLUXDB_VERSION}: `{command[1]}` took more than {_BUILD_SECONDS} s; {HOW_TO_GET}") from error
    if ran.returncode != 0:
        raise ServerMissing(f"InfluxDB {INFLUXDB_VERSION}: `{' '.join(command[:2])}` failed: {ran.stderr[-3000:]}; {HOW_TO_GET}")


if __name__ == "__main__":
    started_s = time.monotonic()
    try:
        print(f"{influxd(build=True)} ({time.monotonic() - started_s:.0f} s)")
    except ServerMissing as error:
        sys.exit(str(error))
