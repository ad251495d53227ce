"""Every setting of every process, from the environment (or a `.env` file).

`KAFKA_BOOTSTRAP_SERVERS` and `REDIS_URL` have their customary names; all others carry the prefix
`MILLSTREAM_`. `millstream settings` prints them with their meaning and present value.
"""

import logging
import os
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from pydantic import AliasChoices, Field, ValidationError
from pydantic_settings import BaseSettings, DotEnvSettingsSource, SettingsConfigDict

from millstream.errors import ConfigurationError
from millstream.topics import Topic
from millstream.variables import unknown_variables

log = logging.getLogger(__name__)

MINUTE_S = 60.0
HOUR_S = 60.0 * MINUTE_S


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
        description="Kafka brokers, as host:port[,host:port]",
    )
    redis_url: str = Field(
        default="redis://127.0.0.1:6379/0",
        validation_alias=AliasChoices("REDIS_URL", "MILLSTREAM_REDIS_URL"),
        description="online store, as redis://[:password@]host:port/db; the password is "
        "percent-encoded",
    )
    data_dir: Path = Field(
        default=Path("data"), description="folder of the offline store and of the snapshots"
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

    # Stream worker.
    stream_metrics_port: int = Field(
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
    sampled_negatives: int = Field(
        default=1, ge=0, description="negatives drawn per organic positive"
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
    trainer_metrics_port: int = Field(
        default=9102, description="port of the trainer's /metrics; 0 takes any free one"
    )
    ranker: str = Field(
        default="dcn_v2", description="ranking model, by its name in `millstream models`"
    )
    ranker_options: dict[str, Any] = Field(
        default={},
        description='options of the ranking model\'s builder, as JSON such as {"hidden": [64]}',
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
    snapshot_interval_s: float = Field(
        default=5.0, gt=0, description="seconds between two snapshots"
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
        default=60,
        gt=1,
        description="newest snapshots that are kept; older ones are removed unless they are needed",
    )

    # Serving worker.
    serving_port: int = Field(default=8000, description="port of the HTTP API")
    candidates: int = Field(default=500, gt=0, description="maximum candidates ranked per request")
    request_budget_ms: float = Field(
        default=100.0, gt=0, description="milliseconds that a recommend request may take"
    )
    diversity: Literal["mmr", "dpp", "none"] = Field(
        default="mmr", description="diversification of lists for requests that name none"
    )
    exploration: float = Field(
        default=0.02,
        ge=0,
        le=1,
        description="share of a list's places that are filled at random, 0 to 1",
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


def unknown() -> list[str]:
    """A line for each variable, of the environment or of `.env`, that is no setting."""
    aliases = [field.validation_alias for field in Settings.model_fields.values()]
    known = [str(each) for a in aliases if isinstance(a, AliasChoices) for each in a.choices]
    names = [variable_name(name) for name in Settings.model_fields]
    of_file = DotEnvSettingsSource(Settings).env_vars  # whose names are in small letters
    given = {**{name.upper(): value for name, value in of_file.items()}, **os.environ}
    return unknown_variables(given, [*known, *names])


@lru_cache
def settings() -> Settings:
    """The settings of this process, read once; variables that are none are told in the log.

    Raises:
        ConfigurationError: a variable does not hold what its setting needs.
    """
    for line in unknown():
        log.warning("%s", line)
    try:
        return Settings()
    except ValidationError as error:
        raise ConfigurationError(f"A setting is wrong: {error}") from error
