"""The programs of ``docs/consumers.md``, taken from the page and made ready to run by the tools of their languages.

What their registries give is kept in the cache folder under a digest of what the page asks for. The first time takes some seconds, of Go a
minute: ``python -m tests.consumers.programs`` does it before the tests.
"""

from __future__ import annotations

import fcntl
import hashlib
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.servers import ServerMissing, cache_folder

PAGE = Path(__file__).resolve().parents[2] / "docs" / "consumers.md"
_BUILD_SECONDS = 600


def blocks() -> dict[str, str]:
    """Code of the page by language; a comment in its first line that only names its file is left in."""
    found: dict[str, str] = {}
    for language, code in re.findall(r"```([\w.]+)\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL):
        assert language not in found, f"two blocks of {language}: the test would not know which to run"
        found[language] = code
    return found


def python(folder: Path) -> list[str]:
    """Command of the Python program, which is written into ``folder``."""
    (folder / "consume.py").write_text(blocks()["python"])
    return [sys.executable, str(folder / "consume.py")]


def java(folder: Path) -> list[str]:
    """Command of the Java program. Raises ServerMissing."""
    _require("java", "javac", "mvn", how="a JDK of 17 or newer and Maven (Debian: apt-get install default-jdk-headless maven)")
    pom, code = blocks()["xml"], blocks()["java"]

    def build(work: Path) -> None:
        (work / "pom.xml").write_text(pom)
        _run("Java", ["mvn", "-B", "-q", "dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={work}/lib"], work)
        (work / "Consume.java").write_text(code)
        _run("Java", ["javac", "-cp", "lib/*", "-d", "classes", "Consume.java"], work)

    built = _kept("java", pom + code, build)
    return ["java", "-Xmx128m", "-XX:TieredStopAtLevel=1", "-cp", f"{built}/lib/*:{built}/classes", "Consume"]


def go(folder: Path) -> list[str]:
    """Command of the Go program. Raises ServerMissing."""
    _require("go", how="Go 1.25 or newer")
    module, code = blocks()["go.mod"], blocks()["go"]

    def build(work: Path) -> None:
        (work / "go.mod").write_text(module)
        (work / "main.go").write_text(code)
        _run("Go", ["go", "mod", "tidy"], work)
        _run("Go", ["go", "build", "-o", "consume", "."], work)

    return [str(_kept("go", module + code, build) / "consume")]


def javascript(folder: Path) -> list[str]:
    """Command of the JavaScript program. Raises ServerMissing."""
    _require("node", "npm", how="Node.js 20.19 or newer with npm")
    package, code = blocks()["json"], blocks()["javascript"]

    def build(work: Path) -> None:
        (work / "package.json").write_text(package)
        _run("JavaScript", ["npm", "install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts"], work)

    built = _kept("javascript", package, build)
    (folder / "consume.mjs").write_text(code)
    (folder / "node_modules").symlink_to(built / "node_modules")
    return ["node", str(folder / "consume.mjs")]


PROGRAMS: dict[str, Callable[[Path], list[str]]] = {"python": python, "java": java, "go": go, "javascript": javascript}


def _require(*tools: str, how: str) -> None:
    missing = [tool for tool in tools if shutil.which(tool) is None]
    if missing:
        raise ServerMissing(f"docs/consumers.md: there is no `{missing[0]}`; install {how}")


def _run(language: str, command: list[str], folder: Path) -> None:
    try:
        ran = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=_BUILD_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise ServerMissing(f"docs/consumers.md: {language}: `{' '.join(command[:3])}` took more than {_BUILD_SECONDS} s") from error
    if ran.returncode:
        said = (ran.stdout + ran.stderr)[-2000:]
        if command[0] == "javac" or command[:2] == ["go", "build"]:
            raise AssertionError(f"docs/consumers.md: the {language} program is wrong: {said}")
        raise ServerMissing(f"docs/consumers.md: {language}: `{' '.join(command[:3])}` failed: {said}")


def _kept(language: str, content: str, build: Callable[[Path], None]) -> Path:
    """The folder that ``build`` filled for this content, by now or long ago; safe when several processes ask at once."""
    digest = hashlib.blake2b(content.encode(), digest_size=8).hexdigest()
    home = cache_folder() / "consumers" / f"{language}-{digest}"
    home.parent.mkdir(parents=True, exist_ok=True)
    with (home.parent / f"{language}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not home.is_dir():
            work = Path(tempfile.mkdtemp(prefix=f".{language}.", dir=home.parent))
            try:
                build(work)
                work.rename(home)
            finally:
                shutil.rmtree(work, ignore_errors=True)
    return home


def main() -> int:
    """Make all of them ready; 1 if one cannot be."""
    failed = 0
    for program in PROGRAMS.values():
        with tempfile.TemporaryDirectory() as folder:
            try:
                print(shlex.join(program(Path(folder))))
            except ServerMissing as error:
                print(error, file=sys.stderr)
                failed = 1
    return failed


if __name__ == "__main__":
    sys.exit(main())
