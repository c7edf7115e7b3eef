"""The peers: how each is installed, in a cache folder of its own, and started.

Every command takes the broker's address, the topic of ticks, the topic for bars and the number of ticks, reads to the end and leaves.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import venv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.progress import note
from tests.servers import ServerMissing, cache_folder
from tests.servers.server import free_ports

_HERE = Path(__file__).resolve().parent
_QUIX = "quixstreams==3.28.1"

Command = list[str]


@dataclass(frozen=True, slots=True)
class Peer:
    """Another way to the same bars."""

    name: str
    topic: str
    """Ending of its output topic."""
    start: Callable[[list[str]], list[Command]]
    """From the arguments to the commands that run side by side."""
    share: int = 1
    """It gets one of so many ticks: a slow peer would take minutes for no other answer."""

    def commands(self, bootstrap: str, ticks: str, bars: str, count: int) -> list[Command]:
        return self.start([bootstrap, ticks, bars, str(count)])


def _script(name: str) -> Callable[[list[str]], list[Command]]:
    return lambda arguments: [[sys.executable, "-m", f"benchmarks.peers.{name}", *arguments]]


def _bytewax(processes: int) -> Callable[[list[str]], list[Command]]:
    def start(arguments: list[str]) -> list[Command]:
        addresses = ";".join(f"127.0.0.1:{port}" for port in free_ports(processes))
        script = [sys.executable, "-m", "benchmarks.peers.stock_bytewax", *arguments]
        return [script] if processes == 1 else [[*script, addresses, str(index)] for index in range(processes)]

    return start


def _quix(arguments: list[str]) -> list[Command]:
    home = cache_folder() / "peers" / _QUIX.replace("==", "-")
    python = home / "bin" / "python"
    if not (home / "complete").exists():
        note(f"installing {_QUIX}")
        venv.create(home, with_pip=True, clear=True)
        subprocess.run([python, "-m", "pip", "install", "-q", "--disable-pip-version-check", _QUIX], check=True, stdin=subprocess.DEVNULL)
        (home / "complete").touch()
    return [[str(python), str(_HERE / "quix.py"), *arguments]]


def _java(project: str, main: str, *options: str) -> Callable[[list[str]], list[Command]]:
    def start(arguments: list[str]) -> list[Command]:
        for program in ("java", "mvn"):
            if shutil.which(program) is None:
                raise ServerMissing(f"{project}: there is no `{program}`; it needs a JDK of 17 or newer and Maven")
        return [["java", "-Xmx2g", *options, "-cp", f"{_built(project)}/*", main, *arguments]]

    return start


def _built(project: str) -> Path:
    """The folder of a project's jars, built by Maven; another text of the project is another folder."""
    sources = sorted(path for path in (_HERE / project).rglob("*") if path.is_file())
    version = hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:12]
    home = cache_folder() / "peers" / f"{project}-{version}"
    if not home.exists():
        note(f"building {project}")
        work = home.with_name(f"{home.name}.part")
        shutil.rmtree(work, ignore_errors=True)
        goals = ["package", "dependency:copy-dependencies", "-DincludeScope=runtime", f"-Dbuild.folder={work}", f"-DoutputDirectory={work}"]
        command = ["mvn", "-B", "-q", "-f", str(_HERE / project / "pom.xml"), *goals]
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL, stdout=sys.stderr)
        work.rename(home)
    return home


_FLINK_OPENS = ("--add-opens=java.base/java.util=ALL-UNNAMED", "--add-opens=java.base/java.lang=ALL-UNNAMED")

PEERS = (
    Peer("msgspec and a dict by hand, 1 process", "by_hand", _script("by_hand")),
    Peer("polars micro-batches by hand, 1 process", "polars", _script("polars_batches")),
    Peer("Flink 2.0.1, parallelism 2", "flink", _java("flink", "FlinkBars", *_FLINK_OPENS)),
    Peer("Kafka Streams 4.1.0, 2 threads, in memory", "kafka_streams", _java("kafka-streams", "KafkaStreamsBars")),
    Peer("stock Bytewax 0.21.1, 1 process", "bytewax_1", _bytewax(1), share=5),
    Peer("stock Bytewax 0.21.1, 2 processes", "bytewax_2", _bytewax(2), share=5),
    Peer(_QUIX.replace("==", " "), "quix", _quix, share=10),
)
