"""Every setting of every process, from the environment (or a `.env` file).

`KAFKA_BOOTSTRAP_SERVERS` and `REDIS_URL` have their customary names; all others carry the prefix
`MILLSTREAM_`. `millstream settings` prints them with their meaning and present value.
"""

from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from pydantic import AliasChoices, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from millstream.dead_letters import MOST_ORIGINAL_BYTES
from millstream.errors import ConfigurationError
from millstream.events import MAX_EVENT_BYTES
from millstream.topics import Topic

MINUTE_S = 60.0
HOUR_S = 60.0 * MINUTE_S

KeyScope = Literal["events", "recommend", "catalogue", "admin", "impressions", "probes"]


class Settings(BaseSettings):
    """The settings of one installation; units are in the names."""

    model_config = SettingsConfigDict(
        env_prefix="MILLSTREAM_",
        env_file=".env",
        extra="ignore",
        frozen=True,
        populate_by_name=True,
    )

    # Where things are.
    kafka_bootstrap_servers: str = Field(
        default="127.0.0.1:9092",
        validation_alias=AliasChoices(
            "KAFKA_BOOTSTRAP_SERVERS", "MILLSTREAM_KAFKA_BOOTSTRAP_SERVERS"
        ),
        description="host:port[,host:port] of the Kafka brokers",
    )
    redis_url: str = Field(
        default="redis://127.0.0.1:6379/0",
        validation_alias=AliasChoices("REDIS_URL", "MILLSTREAM_REDIS_URL"),
        description="the online store, redis://[:password@]host:port/db",
    )
    data_dir: Path = Field(
        default=Path("data"), description="offline store, snapshots, Feast registry"
    )
    topic_prefix: str = Field(default="millstream.", description="put before every topic's name")
    feast_project: str = Field(
        default="millstream", description="the project of the Feast repository"
    )
    log_level: str = Field(default="INFO", description="DEBUG, INFO, WARNING or ERROR")
    log_style: Literal["text", "json"] = Field(
        default="text", description="log lines for people or machines"
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
    stream_metrics_port: int = Field(
        default=9101, description="port of the stream worker's /metrics; 0 is any"
    )
    join_window_s: float = Field(
        default=15 * MINUTE_S,
        gt=0,
        description="how long after an impression feedback still joins it",
    )
    allowed_lateness_s: float = Field(
        default=10.0,
        ge=0,
        description="how far out of order an event may come and still make an example",
    )
    dedupe_window_s: float = Field(
        default=HOUR_S, gt=0, description="how long an event id is remembered at the least"
    )
    sampled_negatives: int = Field(
        default=1, ge=0, le=50, description="negatives drawn for every organic positive"
    )
    state_cache_entities: int = Field(
        default=500_000,
        gt=0,
        description="users and items whose state the stream worker keeps in memory",
    )
    offline_flush_s: float = Field(
        default=30.0, gt=0, description="seconds between two Parquet part files of a view"
    )

    # Trainer.
    trainer_metrics_port: int = Field(
        default=9102, description="port of the trainer's /metrics; 0 is any"
    )
    ranker: str = Field(
        default="dcn_v2", description="the ranking model, by its name in the catalogue"
    )
    ranker_options: dict[str, Any] = Field(
        default={}, description='options of its builder as JSON, such as {"hidden": [64]}'
    )
    retriever: str = Field(
        default="two_tower", description="the retrieval model, by its name in the catalogue"
    )
    retriever_options: dict[str, Any] = Field(
        default={}, description="options of its builder as JSON"
    )
    optimisers: dict[str, Literal["adagrad", "adam", "ftrl"]] = Field(
        default={},
        description="of weights by the prefix of their layer, as JSON, over those of the paper: "
        'such as {"linear.": "ftrl"}',
    )
    batch_size: int = Field(default=256, gt=0, description="the most examples in one training step")
    embedding_width: int = Field(default=16, gt=0, description="numbers in one embedding row")
    embedding_learning_rate: float = Field(
        default=0.05, gt=0, description="of the embedding rows (row-wise Adagrad)"
    )
    ftrl_learning_rate: float = Field(
        default=0.2, gt=0, description="of what FTRL learns, such as the weights of lr"
    )
    dense_learning_rate: float = Field(
        default=0.003, gt=0, description="of all other weights (Adam)"
    )
    admit_after: int = Field(
        default=2, gt=0, description="occurrences with which an id gets an embedding row of its own"
    )
    expire_after_steps: int | None = Field(
        default=None, description="training steps without a use that end a row; none keeps all"
    )
    snapshot_interval_s: float = Field(
        default=5.0, gt=0, description="seconds between two snapshots"
    )
    snapshot_interval_examples: int | None = Field(
        default=None,
        gt=0,
        description="examples after which a snapshot is taken sooner; none goes by time alone",
    )
    first_snapshot_examples: int = Field(
        default=0, ge=0, description="examples learnt from before the first snapshot is published"
    )
    full_snapshot_every: int = Field(
        default=20, gt=0, description="every so many snapshots one is full"
    )
    snapshots_kept: int = Field(default=60, gt=1, description="older snapshots are removed")

    # Serving worker.
    serving_port: int = Field(default=8000, description="port of the HTTP API")
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
        default=None, description="API keys as JSON or TOML, see Security; none lets everybody in"
    )
    api_keys_file: Path | None = Field(
        default=None, description="file that holds the API keys, in place of the variable"
    )
    allow_anonymous: bool = Field(
        default=False,
        description="start without API keys although other machines can reach the address",
    )
    anonymous_scopes: list[KeyScope] | None = Field(
        default=None,
        description="scopes of callers where there are no keys; none is all on loopback, and all "
        "but impressions and probes elsewhere",
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
    candidates: int = Field(
        default=500, gt=0, description="candidates that are ranked for one request"
    )
    request_budget_ms: float = Field(
        default=100.0, gt=0, description="time for one recommend request"
    )
    unknown_items: Literal["hide", "show"] = Field(
        default="hide",
        description="items that people have met but that are not in the catalogue: hidden from "
        "lists until the catalogue has them, or shown",
    )
    diversity: Literal["mmr", "dpp", "none"] = Field(
        default="mmr", description="how lists are diversified unless the request says otherwise"
    )
    exploration: float = Field(
        default=0.02, ge=0, le=1, description="share of a list's places that are given to chance"
    )
    exploration_temperature: float | None = Field(
        default=None,
        gt=0,
        description="places are drawn by softmax of their scores over this in place of the share "
        "above; none does not",
    )

    # Freshness.
    probe_interval_s: float = Field(
        default=1.0, gt=0, description="seconds between two probe events"
    )

    @property
    def offline_dir(self) -> Path:
        """Where the Parquet part files are, one folder a view."""
        return self.data_dir / "offline"

    @property
    def snapshot_dir(self) -> Path:
        """Where the snapshots are."""
        return self.data_dir / "snapshots"

    def topic(self, topic: Topic) -> str:
        """The name of `topic` in this installation."""
        return f"{self.topic_prefix}{topic.name}"


def variable_name(name: str) -> str:
    """The environment variable of a setting.

    >>> variable_name("redis_url"), variable_name("batch_size")
    ('REDIS_URL', 'MILLSTREAM_BATCH_SIZE')
    """
    alias = Settings.model_fields[name].validation_alias
    if isinstance(alias, AliasChoices):
        return str(alias.choices[0])
    return f"MILLSTREAM_{name.upper()}"


@lru_cache
def settings() -> Settings:
    """The settings of this process, read once.

    Raises:
        ConfigurationError: a variable does not hold what its setting needs.
    """
    try:
        return Settings()
    except ValidationError as error:
        raise ConfigurationError(f"A setting is wrong: {error}") from error
