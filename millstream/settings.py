"""Every setting of every process, from the environment (or a `.env` file).

`REDIS_URL` and those of Kafka's clients have their customary names; all others carry the prefix
`MILLSTREAM_`. A secret may be in a file that `NAME_FILE` names (`millstream.secret_files`).
`millstream settings` prints them with their meaning and present value, secrets masked.
"""

import logging
import os
from functools import lru_cache
from math import isclose
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AliasChoices, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    DotEnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from millstream import redis_address
from millstream.dead_letters import MOST_ORIGINAL_BYTES
from millstream.errors import ConfigurationError
from millstream.events import MAX_EVENT_BYTES
from millstream.list_choices import Diversity
from millstream.list_choices import SourceName as SourceName
from millstream.secret_files import SECRET, SecretFiles, is_secret, variables
from millstream.settings_file import SettingsFile
from millstream.topics import Topic
from millstream.variables import unknown_variables

log = logging.getLogger(__name__)

MINUTE_S = 60.0
HOUR_S = 60.0 * MINUTE_S

KeyScope = Literal["events", "recommend", "catalogue", "people", "admin", "impressions", "probes"]
NegativePart = Literal["uniform", "popular", "followers"]
Port = Annotated[int, Field(ge=0, le=65_535)]


class Settings(BaseSettings):
    """The settings of one installation; units are in the names."""

    model_config = SettingsConfigDict(
        env_prefix="MILLSTREAM_",
        env_file=".env",
        extra="ignore",
        frozen=True,
        populate_by_name=True,
        hide_input_in_errors=True,  # it may be a password
        allow_inf_nan=False,
    )

    # Where things are.
    project: Path | None = Field(
        default=None,
        description="folder of the project, whose domain.toml says what people do and which "
        "features are kept; none is the working folder if it has one, else the template films",
    )
    kafka_bootstrap_servers: str = Field(
        default="127.0.0.1:9092",
        validation_alias=AliasChoices(
            "KAFKA_BOOTSTRAP_SERVERS", "MILLSTREAM_KAFKA_BOOTSTRAP_SERVERS"
        ),
        description="Kafka brokers, as host:port[,host:port]",
    )
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        default="PLAINTEXT",
        validation_alias="KAFKA_SECURITY_PROTOCOL",
        description="how the brokers are spoken to: PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL",
    )
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        default="SCRAM-SHA-512",
        validation_alias="KAFKA_SASL_MECHANISM",
        description="PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512",
    )
    kafka_sasl_username: str | None = Field(
        default=None,
        validation_alias="KAFKA_SASL_USERNAME",
        description="user of the brokers, for SASL",
    )
    kafka_sasl_password: SecretStr | None = Field(
        default=None,
        validation_alias="KAFKA_SASL_PASSWORD",
        description="their password; or its file, KAFKA_SASL_PASSWORD_FILE",
        json_schema_extra=SECRET,
    )
    kafka_ssl_cafile: Path | None = Field(
        default=None,
        validation_alias="KAFKA_SSL_CAFILE",
        description="PEM file of the authorities that sign the brokers' certificates; none is the "
        "system's",
    )
    kafka_ssl_certfile: Path | None = Field(
        default=None,
        validation_alias="KAFKA_SSL_CERTFILE",
        description="PEM file of the client's certificate, where the brokers ask for one",
    )
    kafka_ssl_keyfile: Path | None = Field(
        default=None,
        validation_alias="KAFKA_SSL_KEYFILE",
        description="PEM file of its key",
    )
    kafka_ssl_check_hostname: bool = Field(
        default=True,
        validation_alias="KAFKA_SSL_CHECK_HOSTNAME",
        description="whether a broker's certificate must be for its address",
    )
    on_log_changed: Literal["restart", "stop"] = Field(
        default="restart",
        description="what a worker does whose topic is another one, or was cut: restart reads the "
        "new one from its beginning, stop ends",
    )
    redis_url: str = Field(
        default="redis://127.0.0.1:6379/0",
        validation_alias=AliasChoices("REDIS_URL", "MILLSTREAM_REDIS_URL"),
        description="online store, as redis://[[user]:password@]host:port/db, rediss:// for TLS, "
        "or redis+sentinel://host:port[,host:port]/service/db; the password is percent-encoded",
        json_schema_extra=SECRET,
        repr=False,
    )
    data_dir: Path = Field(
        default=Path("data"),
        description="folder of the offline store and of the snapshots",
    )
    topic_prefix: str = Field(
        default="millstream.",
        description="prefix of every topic's name, and of the stream's keys in Redis",
    )
    feast_project: str = Field(
        default="millstream",
        description="project name in the Feast repository, part of every feature's key in Redis",
    )
    log_level: str = Field(
        default="INFO", description="minimum level of log lines: DEBUG, INFO, WARNING or ERROR"
    )
    log_style: Literal["text", "json"] = Field(
        default="text", description="format of log lines: text for people, json for machines"
    )
    host: str = Field(default="127.0.0.1", description="address on which the HTTP servers listen")

    # What is let in.
    max_event_bytes: int = Field(
        default=MAX_EVENT_BYTES,
        gt=0,
        le=MOST_ORIGINAL_BYTES,
        description="the most bytes of one event as JSON",
    )
    unknown_fields: Literal["error", "warn"] = Field(
        default="error",
        description="whether an event with fields or attributes that nothing takes is refused, or "
        "taken without them and counted",
    )

    # Stream worker.
    stream_metrics_port: Port = Field(
        default=9101, description="port of the stream worker's /metrics; 0 takes any free one"
    )
    join_window_s: float = Field(
        default=15 * MINUTE_S,
        gt=0,
        description="maximum seconds from an impression to feedback that joins it",
    )
    allowed_lateness_s: float = Field(
        default=10.0,
        ge=0,
        description="maximum seconds out of order for an event that makes an example",
    )
    dedupe_window_s: float = Field(
        default=HOUR_S,
        gt=0,
        description="seconds for which an event id is remembered, as long as memory suffices",
    )
    max_clock_skew_s: float = Field(
        default=5.0,
        ge=0,
        description="how many seconds ahead of its arrival an event's time counts at the most",
    )
    dedupe_memory_mb: int = Field(
        default=512,
        gt=0,
        description="MiB for remembered event ids; fuller, they are forgotten before their time",
    )
    join_memory_mb: int = Field(
        default=512,
        gt=0,
        description="MiB for lists that wait for feedback; fuller, the oldest close early",
    )
    sampled_negatives: int = Field(
        default=1, ge=0, le=50, description="negatives drawn per organic positive"
    )
    negative_shares: dict[NegativePart, Annotated[float, Field(ge=0)]] = Field(
        default={"uniform": 0.34, "popular": 0.33, "followers": 0.33},
        description="shares of the mixture that negatives are drawn from, as JSON; they add up to "
        "1: uniform, popular (items of the newest positives), followers (those of them that came "
        "right after what the user met last)",
    )
    state_cache_entities: int = Field(
        default=500_000,
        gt=0,
        description="maximum users and items whose state the stream worker keeps in memory",
    )
    offline_flush_s: float = Field(
        default=30.0, gt=0, description="seconds between two Parquet part files of a view"
    )

    # Trainer.
    trainer_metrics_port: Port = Field(
        default=9102, description="port of the trainer's /metrics; 0 takes any free one"
    )
    ranker: str = Field(
        default="dcn_v2",
        description="ranking model, by its name in `millstream models`, or `module:function` of a "
        "builder in the project's folder",
    )
    ranker_options: dict[str, Any] = Field(
        default={},
        description='options of the ranking model\'s builder, as JSON such as {"hidden": [64]}',
    )
    ranker_loss: Literal["softmax", "pairwise", "pointwise"] = Field(
        default="softmax",
        description="loss of the ranking model: of an event's item against the negatives drawn "
        "for it, all at once or each alone, or of each row alone",
    )
    pointwise_share: float = Field(
        default=0.2,
        ge=0,
        le=1,
        description="weight of the log loss of each row beside a softmax or pairwise loss, which "
        "keeps scores probabilities; that of rows of shown lists is 1",
    )
    propensity_limit: float | None = Field(
        default=None,
        ge=1,
        description="maximum weight of a shown item in training: 1 / propensity, so that what "
        "exploration shows seldom counts as much as all else; none weighs all alike",
    )
    position_dropout: float | None = Field(
        default=None,
        ge=0,
        lt=1,
        description="share of shown items whose place is hidden from the ranker's training, which "
        "learns with the others how much a place alone brings; none learns without places",
    )
    delayed_feedback: Literal["none", "fnw", "fnc", "es_dfm"] = Field(
        default="none",
        description="loss of shown items of tasks with corrected_for, whose late positives were "
        "taken for negatives first: as they come, fake negatives weighted, fake negative "
        "calibration, or elapsed-time sampling",
    )
    retriever: str = Field(
        default="two_tower", description="retrieval model, by its name in `millstream models`"
    )
    retriever_options: dict[str, Any] = Field(
        default={}, description="options of the retrieval model's builder, as JSON"
    )
    optimisers: dict[str, Literal["adagrad", "adam", "ftrl"]] = Field(
        default={},
        description="optimiser of weights by the prefix of their layer, as JSON such as "
        '{"linear.": "ftrl"}; overrides those of the model\'s paper',
    )
    sampling_correction: bool = Field(
        default=False,
        description="whether the ranker learns the odds that a positive has before negatives are "
        "sampled: log-odds correction by `sampled_probability`",
    )
    batch_size: int = Field(default=256, gt=0, description="maximum examples per training step")
    embedding_width: int = Field(default=16, gt=0, description="numbers per embedding row")
    embedding_learning_rate: float = Field(
        default=0.05, gt=0, description="learning rate of embedding rows (row-wise Adagrad)"
    )
    ftrl_learning_rate: float = Field(
        default=0.2,
        gt=0,
        description="learning rate of weights that FTRL learns, such as those of lr",
    )
    dense_learning_rate: float = Field(
        default=0.003, gt=0, description="learning rate of all other weights (Adam)"
    )
    admit_after: int = Field(
        default=2,
        gt=0,
        description="occurrences after which an id gets an embedding row of its own",
    )
    expire_after_steps: int | None = Field(
        default=None,
        description="training steps without use after which an embedding row is removed; none "
        "keeps all",
    )
    drift_rows: int = Field(
        default=20_000,
        gt=0,
        description="examples in the window of inputs, labels and scores that is compared with the "
        "ten windows before it",
    )
    skew_interval_s: float = Field(
        default=60.0,
        ge=0,
        description="seconds between two comparisons of logged features with those recomputed from "
        "the offline store; 0 compares nothing",
    )
    gate_rows: int = Field(
        default=0,
        ge=0,
        description="newest examples, such as 2000, on which the gate compares what is learnt with "
        "what is served, and goes back from what has turned bad; 0 compares nothing",
    )
    gate_after_examples: int = Field(
        default=5_000, ge=0, description="examples learnt before the gate judges quality"
    )
    gate_auc: float = Field(
        default=0.01,
        ge=0,
        description="AUC, of all rows or within events, by which a snapshot is worse than the "
        "served one, at the near end of the 95 % interval, when it is held",
    )
    gate_log_loss: float = Field(
        default=0.01, ge=0, description="the same for log loss, in nats per example"
    )
    gate_calibration: float = Field(
        default=0.3,
        ge=0,
        description="the same for calibration: the natural logarithm of predicted positives over "
        "observed ones, either sign",
    )
    gate_rmse: float = Field(
        default=0.05,
        ge=0,
        description="the same for a task that is a number: the natural logarithm of its root mean "
        "squared error",
    )
    gate_lists: float | None = Field(
        default=None,
        ge=0,
        description="NDCG@20 by which whole lists are worse than those of the best counter, at the "
        "near end of the 95 % interval, when a snapshot is held; none compares nothing",
    )
    list_question_examples: int = Field(
        default=5_000,
        ge=0,
        description="examples for each one that the trainer asks about before it learns from it: "
        "where would a list of all items have it? 0 asks nothing",
    )
    challenger_rows: int = Field(
        default=20_000,
        gt=0,
        description="newest examples on which a changed ranker or retriever is compared with the "
        "one that is served",
    )
    challenger_margin: float = Field(
        default=0.005,
        ge=0,
        description="AUC, nats of log loss or hit rate by which a changed ranker or retriever may "
        "be worse at the far end of the interval when it takes over: 95 %, and 99.5 % at the looks "
        "before all rows are there",
    )
    challenger_share: float = Field(
        default=0.5,
        gt=0,
        description="seconds of learning from retained examples, by a changed ranker or retriever, "
        "per second of learning from new ones",
    )
    snapshot_interval_s: float = Field(
        default=3.0, gt=0, description="seconds between two snapshots"
    )
    snapshot_interval_examples: int | None = Field(
        default=None,
        gt=0,
        description="examples after which a snapshot is taken sooner; none goes by time alone",
    )
    first_snapshot_examples: int = Field(
        default=0,
        ge=0,
        description="minimum examples learnt before the first snapshot is published",
    )
    full_snapshot_every: int = Field(
        default=20, gt=0, description="snapshots per full one; those between are deltas"
    )
    snapshots_kept: int = Field(
        default=100,
        gt=1,
        description="newest snapshots that are kept; older ones are removed unless they are needed",
    )

    # Serving worker.
    serving_port: Port = Field(default=8000, description="port of the HTTP API")
    max_body_bytes: int = Field(
        default=5_000_000,
        gt=0,
        description="largest request body, in bytes, as sent and as inflated",
    )
    header_timeout_s: float = Field(
        default=10.0, gt=0, description="seconds in which a client must send the head of a request"
    )
    body_timeout_s: float = Field(
        default=30.0, gt=0, description="seconds in which a client must send the body of a request"
    )
    max_connections: int = Field(
        default=10_000, gt=0, description="open connections of one worker; more are closed at once"
    )
    api_keys: SecretStr | None = Field(
        default=None,
        description="API keys as JSON or TOML, see Security; none lets everybody in",
        json_schema_extra=SECRET,
    )
    allow_anonymous: bool = Field(
        default=False,
        description="start without API keys although other machines can reach the address",
    )
    anonymous_scopes: list[KeyScope] | None = Field(
        default=None,
        description="scopes of callers where there are no keys; none is all on loopback, and all "
        "but impressions, probes and people elsewhere",
    )
    open_metrics: bool | None = Field(
        default=None,
        description="whether the API's /metrics needs no key; none is yes on loopback or without "
        "keys",
    )
    client_limits: str = Field(
        default="",
        description="requests of one client address where there are no keys, such as 50/second; "
        "empty is without limit",
    )
    limits_in: Literal["memory", "redis"] = Field(
        default="memory", description="store of the counts of limits: of each worker, or of all"
    )
    cors_origins: list[str] = Field(
        default=[], description="origins of web pages that may call the API, as JSON; * is any"
    )
    allowed_hosts: list[str] = Field(
        default=[], description="names under which the API may be called, as JSON; empty is any"
    )
    candidates: int = Field(default=500, gt=0, description="maximum candidates ranked per request")
    list_fusion: bool = Field(
        default=True,
        description="order lists by ranker, sources and counters, fused as the questions that a "
        "worker asks itself teach it, while that is better than the ranker alone",
    )
    retrieval_sources: dict[SourceName, Annotated[float, Field(ge=0)]] = Field(
        default={
            "two_tower": 0.3,
            "co_occurrence": 0.15,
            "item_neighbours": 0.2,
            "trending": 0.15,
            "popular": 0.1,
            "recent": 0.1,
        },
        description='shares of the candidates by source, as JSON such as {"two_tower": 0.5}; the '
        "sources are two_tower, co_occurrence, session_neighbours, item_neighbours, similar, "
        "trending, popular, category and recent",
    )
    retrieval_limits: dict[SourceName, Annotated[int, Field(gt=0)]] = Field(
        default={},
        description="maximum candidates by source, as JSON; a source without one has its share",
    )
    request_budget_ms: float = Field(
        default=100.0, gt=0, description="milliseconds that a recommend request may take"
    )
    retriever_interval_s: float = Field(
        default=0.0,
        ge=0,
        description="minimum seconds between two retrievers (query tower and the vectors of all "
        "items) that serving takes over, while the ranker is always the newest; 0 takes every one",
    )
    index_exact_below: int = Field(
        default=300_000,
        ge=0,
        description="items below which a search looks at all vectors; above, at the clusters "
        "nearest to the query",
    )
    index_share: float = Field(
        default=0.05,
        gt=0,
        le=1,
        description="share of all items that a search in clusters looks at, above 0 to 1",
    )
    list_quality_interval_s: float = Field(
        default=0.25,
        ge=0,
        description="seconds between two lists that are made, and not shown, to be judged by a "
        "positive that is just published, and to learn the order of lists from it; 0 makes none",
    )
    unknown_items: Literal["hide", "show"] = Field(
        default="hide",
        description="items that people have met but that are not in the catalogue: hidden from "
        "lists until the catalogue has them, or shown",
    )
    diversity: Diversity = Field(
        default="mmr", description="diversification of lists for requests that name none"
    )
    diversity_strength: float = Field(
        default=0.5,
        ge=0,
        le=1,
        description="share of its odds that an item loses for a like one above it in a "
        "diversified list, 0 to 1",
    )
    diversity_cost: float | None = Field(
        default=0.02,
        ge=0,
        le=1,
        description="share of NDCG@20 that diversity may cost by the questions that a worker asks "
        "itself: where it costs more it becomes weaker than its strength; none lets it cost more",
    )
    exploration: float = Field(
        default=0.02,
        ge=0,
        le=1,
        description="share of a list's places that are filled at random, the later ones more "
        "often, 0 to 1",
    )
    exploration_temperature: float | None = Field(
        default=None,
        gt=0,
        description="temperature of the softmax over scores that fills all places at random, in "
        "place of the share above; none is off",
    )

    # Freshness.
    probe_interval_s: float = Field(
        default=1.0, gt=0, description="seconds between two probe events"
    )

    @field_validator("negative_shares")
    @classmethod
    def _adds_up(cls, value: dict[NegativePart, float]) -> dict[NegativePart, float]:
        if not isclose(sum(value.values()), 1.0, abs_tol=1e-6) or not value.get("uniform"):
            raise ValueError("the shares must add up to 1, that of uniform above 0")
        return value

    @field_validator("retrieval_sources")
    @classmethod
    def _has_a_share(cls, value: dict[SourceName, float]) -> dict[SourceName, float]:
        if not sum(value.values()) > 0:
            raise ValueError("at least one source must have a share above 0")
        return value

    @field_validator("redis_url")
    @classmethod
    def _is_redis_url(cls, value: str) -> str:
        redis_address.parse(value)
        return value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments, then the environment, `.env`, files of secrets, and a file of settings."""
        secrets = SecretFiles(settings_cls, env_settings, dotenv_settings)
        file = SettingsFile(settings_cls)
        return init_settings, env_settings, dotenv_settings, secrets, file

    @property
    def offline_dir(self) -> Path:
        """Directory of the Parquet part files, one folder a view."""
        return self.data_dir / "offline"

    @property
    def snapshot_dir(self) -> Path:
        """Directory of the snapshots."""
        return self.data_dir / "snapshots"

    def topic(self, topic: Topic) -> str:
        """The name of `topic` in this installation."""
        return f"{self.topic_prefix}{topic.name}"


def variable_name(name: str) -> str:
    """The environment variable of a setting.

    >>> variable_name("redis_url"), variable_name("batch_size")
    ('REDIS_URL', 'MILLSTREAM_BATCH_SIZE')
    """
    return variables(Settings, name)[0]


def shown(chosen: Settings, name: str) -> str:
    """The value of a setting for people to read: no secret is in it.

    >>> shown(Settings(redis_url="redis://:hunter2@h:1/0", _env_file=None), "redis_url")
    'redis://:***@h:1/0'
    """
    value = getattr(chosen, name)
    if name == "redis_url":
        return redis_address.masked(value)
    return "***" if value is not None and is_secret(Settings, name) else str(value)


def unknown() -> list[str]:
    """A line for each variable, of the environment or of `.env`, that is no setting."""
    known = [v for name in Settings.model_fields for v in variables(Settings, name)]
    secret = [name for name in Settings.model_fields if is_secret(Settings, name)]
    files = [f"{v}_FILE" for name in secret for v in variables(Settings, name)]
    of_file = DotEnvSettingsSource(Settings).env_vars  # whose names are in small letters
    given = {**{name.upper(): value for name, value in of_file.items()}, **os.environ}
    return unknown_variables(given, [*known, *files])


@lru_cache
def settings() -> Settings:
    """The settings of this process, read once; variables that are none are told in the log.

    Raises:
        ConfigurationError: a variable does not hold what its setting needs.
    """
    for line in unknown():
        log.warning("%s", line)
    return read_settings()


def read_settings(env_file: Path = Path(".env")) -> Settings:
    """The settings as they are now.

    Args:
        env_file: what the environment does not say is read from here.

    Raises:
        ConfigurationError: a variable does not hold what its setting needs.
    """
    try:
        return Settings(_env_file=env_file)
    except ValidationError as error:
        faults = "; ".join(_fault(each) for each in error.errors(include_url=False))
        raise ConfigurationError(f"A setting is wrong: {faults}") from None
    except SettingsError as error:  # a variable of many values is no JSON; it says which
        raise ConfigurationError(f"A setting is wrong: {_unread(str(error))}") from None


def _unread(text: str) -> str:
    """One line for a variable that cannot be read."""
    found = [variable_name(name) for name in Settings.model_fields if f'"{name}"' in text]
    return f"{found[0]} must be JSON." if found else text


def _fault(error: Any) -> str:
    """One line for one error of pydantic, without the value where that is a secret."""
    fields = Settings.model_fields
    key = str(error["loc"][0]) if error["loc"] else ""
    names = [n for n in fields if key in (n, *variables(Settings, n))]
    text = error["msg"].removeprefix("Value error, ")
    if not names:
        return f"{key}: {text}"
    (name,) = names
    received = "" if is_secret(Settings, name) else f" Received: {error['input']!r}."
    return f"{variable_name(name)} ({name}): {text}.{received}".replace("..", ".")
