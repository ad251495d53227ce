"""The compose file, held to the settings, the command line and the files it names."""

import configparser
import os
import re
from typing import Any

import click
import pytest

from deploy.local.kafka_jars import VERSION as KAFKA_VERSION
from millstream.cli import cli
from millstream.settings import Settings, variable_name
from tests.contracts.deploy.conftest import DEPLOY

WORKERS = {
    "stream": "stream_metrics_port",
    "trainer": "trainer_metrics_port",
    "serving": "serving_port",
}
THIRD_PARTY = {"kafka": r"KAFKA_[A-Z_]+|CLUSTER_ID", "grafana": r"GF_[A-Z_]+"}
# Where a service of the file listens, for the URLs of the others.
ADDRESSES = {"kafka": "19092", "redis": "6379"}

Service = dict[str, Any]


@pytest.fixture
def services(compose) -> dict[str, Service]:
    return compose["services"]


@pytest.fixture
def processes(services) -> dict[str, Service]:
    """The services that run our image."""
    return {name: each for name, each in services.items() if "build" in each}


def shown(value: str) -> str:
    """The value where nothing is set: `${NAME:-default}` is the default."""
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", value)


def understood(arguments: list[str]) -> None:
    """Raises what the command line says of arguments that it does not know."""
    command: click.Command = cli
    context, rest = click.Context(cli), list(arguments)
    while isinstance(command, click.Group):
        name, found, rest = command.resolve_command(context, rest)
        assert name is not None and found is not None
        command = found
    command.make_context(arguments[0], rest, parent=context)


def test_arguments_that_nobody_knows_are_found_out():
    for wrong in (["topics", "make"], ["train", "--sideways"], ["streams"]):
        with pytest.raises(click.UsageError):
            understood(wrong)


def test_every_variable_is_a_setting_or_one_of_the_image_s(services):
    ours = "|".join(variable_name(name) for name in Settings.model_fields)
    for name, service in services.items():
        for variable in service.get("environment", {}):
            assert re.fullmatch(THIRD_PARTY.get(name, ours), variable), (name, variable)


def test_every_variable_holds_what_its_setting_takes(processes, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)  # no .env file there
    for variable in list(os.environ):
        if variable.startswith(("MILLSTREAM_", "KAFKA_BOOTSTRAP", "REDIS_URL")):
            monkeypatch.delenv(variable)
    for service in processes.values():
        for variable, value in service["environment"].items():
            monkeypatch.setenv(variable, shown(value))
        chosen, usual = Settings(), Settings.model_fields
        own = {"kafka_bootstrap_servers", "redis_url", "api_keys", "allow_anonymous"}
        assert {n for n, f in usual.items() if getattr(chosen, n) != f.default} == own


def test_what_is_not_set_outside_keeps_its_default(processes):
    for service in processes.values():
        for variable, value in service["environment"].items():
            assert "${" not in value or value.startswith(f"${{{variable}:-")


def test_every_command_exists(processes):
    for service in processes.values():
        if service.get("entrypoint") == ["feast"]:
            assert service["command"] == ["apply"]
            continue
        # A variable stands for its default.
        understood([re.sub(r"\$\{\w+:-(.*)\}", r"\1", word) for word in service["command"]])


def test_all_processes_of_the_loop_are_there(processes):
    assert set(processes) == {"topics", "feast", "stream", "trainer", "serving", "probe"}


def test_a_worker_is_asked_on_the_port_it_listens_on(services):
    for name, setting in WORKERS.items():
        url = services[name]["healthcheck"]["test"][-1]
        assert f":{Settings.model_fields[setting].default}/" in url


def test_ports_are_published_on_this_machine_only(services):
    published = [port for each in services.values() for port in each.get("ports", [])]
    assert published
    for port in published:
        assert re.fullmatch(r"127\.0\.0\.1:(\d+):\1", port), port


def test_the_api_is_published_on_its_default_port(services):
    port = Settings.model_fields["serving_port"].default
    assert services["serving"]["ports"] == [f"127.0.0.1:{port}:{port}"]


def test_programs_on_this_machine_find_kafka_and_redis_by_the_defaults(services):
    kafka = Settings.model_fields["kafka_bootstrap_servers"].default
    assert services["kafka"]["ports"] == [f"{kafka}:9092"]
    assert f"OUTSIDE://{kafka}" in services["kafka"]["environment"]["KAFKA_ADVERTISED_LISTENERS"]
    assert services["redis"]["ports"][0].startswith("127.0.0.1:6379")
    assert Settings.model_fields["redis_url"].default == "redis://127.0.0.1:6379/0"


def test_containers_find_kafka_and_redis_by_their_services(processes, services):
    listeners = services["kafka"]["environment"]["KAFKA_ADVERTISED_LISTENERS"]
    for service in processes.values():
        assert service["environment"]["REDIS_URL"] == "redis://redis:6379/0"
        assert f"INSIDE://{service['environment']['KAFKA_BOOTSTRAP_SERVERS']}" in listeners


def test_every_dependency_can_come_true(services):
    """A service waited for as healthy says when it is; one waited for to end is a job."""
    for name, service in services.items():
        for other, wanted in service.get("depends_on", {}).items():
            if wanted["condition"] == "service_healthy":
                assert "healthcheck" in services[other], (name, other)
            else:
                assert wanted["condition"] == "service_completed_successfully"
                assert "restart" not in services[other], (name, other)


def test_every_server_is_checked_and_comes_back(services):
    jobs = {"topics", "feast"}
    for name in set(services) - jobs:
        assert services[name]["restart"] == "unless-stopped"
        assert "healthcheck" in services[name] or name == "probe"  # the probe has no port


def test_volumes_are_declared_and_bound_files_are_there(compose, services):
    for name, service in services.items():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            if source.startswith("."):
                assert (DEPLOY / source).exists(), (name, source)
            else:
                assert source in compose["volumes"], (name, source)


def test_all_workers_share_the_folder_of_snapshots_and_the_offline_store(services):
    for name in WORKERS:
        assert services[name]["volumes"][0].startswith("data:/data")


def test_the_images_are_pinned(services, processes):
    for name in set(services) - set(processes):
        assert re.search(r":v?\d+\.\d+(\.\d+)?(-\w+)?$", services[name]["image"]), name


def test_kafka_is_the_release_that_the_tests_run_against(services):
    assert services["kafka"]["image"] == f"apache/kafka:{KAFKA_VERSION}"


def test_without_keys_the_api_starts_because_nobody_else_can_reach_it(processes):
    environment = processes["serving"]["environment"]
    assert shown(environment["MILLSTREAM_ALLOW_ANONYMOUS"]) == "true"
    assert shown(environment["MILLSTREAM_API_KEYS"]) == ""


def test_every_container_is_confined(services):
    for name, service in services.items():
        assert service["cap_drop"] == ["ALL"], name
        assert "no-new-privileges:true" in service["security_opt"], name
        assert service["pids_limit"] > 0, name
        assert re.fullmatch(r"\d+g", service["mem_limit"]), name


def test_every_root_is_read_only_but_that_of_the_broker(services):
    writable = {name for name, service in services.items() if not service.get("read_only")}
    assert writable == {"kafka"}  # whose start script writes its configuration
    for name in set(services) - writable:
        assert "/tmp" in services[name]["tmpfs"], name


def test_rights_are_given_back_only_to_whoever_starts_as_root(services):
    assert {name for name, service in services.items() if "cap_add" in service} == {"redis"}


def test_grafana_has_no_admin_whose_password_everybody_knows(services):
    environment = services["grafana"]["environment"]
    assert environment["GF_SECURITY_ADMIN_PASSWORD"] == "${GRAFANA_ADMIN_PASSWORD:-}"
    # Where that is empty so is this, and the file's own line holds.
    overriding = environment["GF_SECURITY_DISABLE_INITIAL_ADMIN_CREATION"]
    assert overriding == "${GRAFANA_ADMIN_PASSWORD:+false}"
    written = configparser.ConfigParser()
    written.read(DEPLOY / "grafana" / "grafana.ini")
    assert written["security"]["disable_initial_admin_creation"] == "true"
    assert "./grafana/grafana.ini:/etc/grafana/grafana.ini:ro" in services["grafana"]["volumes"]
