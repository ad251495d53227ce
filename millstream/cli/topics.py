"""`millstream topics`: the table in code, and its creation."""

import click
from rich.console import Console
from rich.table import Table

from millstream.kafka import create_topics
from millstream.settings import settings
from millstream.topics import DAY_S, TOPICS, Topic


@click.group()
def topics() -> None:
    """List and create the Kafka topics.

    \b
    Examples:
      millstream topics list
      millstream topics create
    """


@topics.command("list")
def list_topics() -> None:
    """Show the topics of this installation, as the code defines them.

    \b
    Example:
      millstream topics list
    """
    table = Table("topic", "partitions", "key", "value", "cleanup", "retention")
    for topic in TOPICS:
        name = settings().topic(topic)
        partitions = str(topic.partitions)
        table.add_row(name, partitions, topic.key, topic.value, topic.cleanup, _retention(topic))
    Console().print(table)


@topics.command()
def create() -> None:
    """Create the topics that do not exist yet; existing ones are left as they are.

    \b
    Example:
      millstream topics create
    """
    created = create_topics(settings())
    for name in created:
        click.echo(f"created {name}")
    click.echo(f"{len(created)} created, {len(TOPICS) - len(created)} were there.")


def _retention(topic: Topic) -> str:
    return "for ever" if topic.retention_s is None else f"{topic.retention_s // DAY_S} d"
