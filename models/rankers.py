"""The network of a ranker from its configuration, as a snapshot's manifest names it.

    {"name": "dcn_v2", "embedding_width": 16, "options": {...}, "tasks": ["click", "s:regression"]}

`options` and `tasks` may be left out. Without `tasks` the only one is how likely a positive is. A
multi-class task, `mood:multiclass(sad,glad)`, has an output for each class, `mood.sad`.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import keras

from models.catalogue import build, find
from models.fields import Field
from models.multi_task.heads import with_heads
from models.multi_task.tasks import head
from models.task_names import outputs_of, tasks_in

Config = Mapping[str, Any]


def ranking_network(config: Config, fields: Iterable[Field]) -> keras.Model:
    """{field: ...} -> a logit or number, (batch, 1); of several tasks {output: (batch, 1)}.

    A network of several tasks is built for them. One with a single output gets a head for each.

    Raises:
        ConfigurationError: no such model or option, or fields or tasks that do not fit it.
    """
    name, tasks = config["name"], outputs_of(tasks_in(config))
    options = config.get("options", {})
    if find(name).task == "multi_task":
        found: keras.Model = build(name, fields, tasks=tasks, **options)
        return found if len(tasks) > 1 else head(found, tasks[0].name)
    network: keras.Model = build(name, fields, **options)
    return network if len(tasks) == 1 else with_heads(network, tasks)
