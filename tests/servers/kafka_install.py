"""Apache Kafka's jars from Maven Central, kept in the cache folder."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.servers import ServerMissing
from tests.servers.kept import kept

KAFKA_VERSION = "4.1.0"
SLF4J_VERSION = "1.7.36"
_JAVA_AT_LEAST = 17
_DOWNLOAD_SECONDS = 600

HOW_TO_GET = (
    "set TRADEMASTER_TEST_KAFKA=host:port, or start Docker, "
    f"or install a JDK of {_JAVA_AT_LEAST} or newer and Maven (Debian: apt-get install default-jre-headless maven)"
)

_POM = f"""<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>trademaster.tests</groupId>
  <artifactId>kafka</artifactId>
  <version>1</version>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>{KAFKA_VERSION}</version></dependency>
    <dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>{SLF4J_VERSION}</version></dependency>
  </dependencies>
</project>
"""


def jars() -> Path:
    """The folder of Kafka's jars, downloaded at the first call; safe when several processes ask at once.

    Raises:
        ServerMissing: no Java of the right age, or no Maven while the jars are not in the cache, or the download failed.
    """
    _require_java()
    try:
        return kept(f"kafka-{KAFKA_VERSION}", _download, wait_seconds=_DOWNLOAD_SECONDS)
    except TimeoutError as error:
        raise ServerMissing(f"Kafka {KAFKA_VERSION}: {error}; {HOW_TO_GET}") from error


def _require_java() -> None:
    if shutil.which("java") is None:
        raise ServerMissing(f"Kafka {KAFKA_VERSION}: there is no `java`; {HOW_TO_GET}")
    said = subprocess.run(["java", "-version"], capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    found = re.search(r'version "(\d+)', said.stderr + said.stdout)
    if found is None or int(found.group(1)) < _JAVA_AT_LEAST:
        version = found.group(1) if found else said.stderr.strip()
        raise ServerMissing(f"Kafka {KAFKA_VERSION}: it needs Java {_JAVA_AT_LEAST}, `java` is {version}; {HOW_TO_GET}")


def _download(work: Path) -> Path:
    maven = shutil.which("mvn")
    if maven is None:
        raise ServerMissing(f"Kafka {KAFKA_VERSION}: there is no `mvn`; {HOW_TO_GET}")
    (work / "pom.xml").write_text(_POM)
    arguments = ["-B", "-q", "dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={work / 'lib'}"]
    try:
        ran = subprocess.run(
            [maven, *arguments], cwd=work, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=_DOWNLOAD_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise ServerMissing(f"Kafka {KAFKA_VERSION}: Maven took more than {_DOWNLOAD_SECONDS} s; {HOW_TO_GET}") from error
    if ran.returncode != 0:
        raise ServerMissing(f"Kafka {KAFKA_VERSION}: Maven failed: {(ran.stdout + ran.stderr)[-2000:]}; {HOW_TO_GET}")
    return work / "lib"


if __name__ == "__main__":
    try:
        print(jars())
    except ServerMissing as error:
        sys.exit(str(error))
