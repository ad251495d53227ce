"""Apache Kafka's jars from Maven, and the Java that runs them."""

import logging
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from deploy.local.places import cache_dir
from deploy.local.process import ServiceError

VERSION = "4.3.1"
OLDEST_JAVA = 17

POM = f"""<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>millstream</groupId><artifactId>local-kafka</artifactId><version>1</version>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>{VERSION}</version>
    </dependency>
    <dependency>
      <groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>1.7.36</version>
    </dependency>
  </dependencies>
</project>
"""

log = logging.getLogger(__name__)


def apache_kafka_possible() -> bool:
    """True if Java is new enough, and the jars are there or Maven can fetch them."""
    return java_version() >= OLDEST_JAVA and (
        libs_folder().is_dir() or shutil.which("mvn") is not None
    )


def java_version() -> int:
    """The major version of the `java` on the PATH; 0 where there is none."""
    try:
        done = subprocess.run(["java", "-version"], capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return 0
    found = re.search(r'version "(\d+)', done.stderr)
    return int(found[1]) if found and done.returncode == 0 else 0


def kafka_libs() -> Path:
    """The folder with Kafka's jars, fetched at the first call.

    Raises:
        ServiceError: Maven could not fetch them.
    """
    libs = libs_folder()
    if libs.is_dir():
        return libs
    libs.parent.mkdir(parents=True, exist_ok=True)
    log.info("Fetching Apache Kafka %s from Maven into %s", VERSION, libs)
    with tempfile.TemporaryDirectory(dir=libs.parent, prefix=".fetching-") as folder:
        Path(folder, "pom.xml").write_text(POM)
        maven = ["mvn", "-q", "-B", "-f", f"{folder}/pom.xml", "dependency:copy-dependencies"]
        scope = ["-DincludeScope=runtime", f"-DoutputDirectory={folder}/libs"]
        run_tool([*maven, *scope], "Maven could not fetch Apache Kafka")
        if not libs.is_dir():  # somebody else may have been quicker
            Path(folder, "libs").rename(libs)
    return libs


def libs_folder() -> Path:
    """Folder of the jars."""
    return cache_dir() / f"kafka-{VERSION}"


def run_tool(command: list[str], failure: str) -> None:
    """Run a program to its end.

    Raises:
        ServiceError: it is not there, failed, or took too long; `failure` and what it said.
    """
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ServiceError(f"{failure}: {error}") from error
    if done.returncode != 0:
        said = (done.stdout + done.stderr)[-2000:]
        raise ServiceError(f"{failure} (exit code {done.returncode}):\n{said}")
