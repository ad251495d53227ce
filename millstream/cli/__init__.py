"""The command line: `millstream COMMAND`; each command is a module of this folder."""

import importlib
import sys

import click

from millstream import __version__, logs
from millstream.errors import MillstreamError

# Modules are imported when their command runs: TensorFlow alone takes seconds to load.
COMMANDS = {
    "apply": (
        "millstream.cli.apply",
        "Make the domain file that of the installation: topics, Feast, the record of it.",
    ),
    "backfill": (
        "millstream.cli.backfill",
        "Make the features and the state of a long log, by bucket, on all cores.",
    ),
    "backtest": (
        "millstream.cli.backtest",
        "Replay a log through the whole loop on simulated time, and judge its lists.",
    ),
    "bootstrap": (
        "millstream.cli.bootstrap",
        "Begin an installation with a long log: state, feature rows, a first snapshot.",
    ),
    "check": ("millstream.cli.check", "Show every fault of a domain file."),
    "data": ("millstream.cli.data", "Download and verify a dataset."),
    "dead-letters": (
        "millstream.cli.dead_letters:dead_letters",
        "List, show and replay messages that were refused.",
    ),
    "demo": ("millstream.cli.demo", "Run the whole loop on real data and watch it learn."),
    "doctor": ("millstream.cli.doctor", "Examine the installation and say what is wrong."),
    "eval": (
        "millstream.cli.eval:evaluate",
        "Train models on a dataset and measure them, offline.",
    ),
    "funnel": (
        "millstream.cli.funnel:show_funnel",
        "Show how many events get how far, into the served weights.",
    ),
    "importance": ("millstream.cli.importance", "Show which fields a model depends on."),
    "init": ("millstream.cli.init", "Write a project folder from a template."),
    "migrate": (
        "millstream.cli.migrate",
        "Move an installation without Kafka and Redis to both.",
    ),
    "models": ("millstream.cli.models", "List the models of the catalogue and their options."),
    "next-item": (
        "millstream.cli.next_item:next_item",
        "Train models of sequences on a file and rank the whole corpus with them.",
    ),
    "offline": (
        "millstream.cli.offline",
        "Compact the offline store, and take erased people out of it.",
    ),
    "plan": ("millstream.cli.plan", "Show what a change of the domain file would do."),
    "probe": ("millstream.cli.probe", "Send probe events that measure freshness."),
    "publish": ("millstream.cli.publish", "Publish the events of a file."),
    "serve": ("millstream.cli.serve", "Run the serving worker (HTTP)."),
    "settings": ("millstream.cli.settings", "Show every setting and its present value."),
    "snapshots": ("millstream.cli.snapshots", "List, verify and roll back snapshots."),
    "stream": ("millstream.cli.stream", "Run the stream worker (Faust)."),
    "topics": ("millstream.cli.topics", "List and create the Kafka topics."),
    "train": ("millstream.cli.train", "Run the online trainer."),
    "tune": ("millstream.cli.tune", "Search for better options of a model or of the loop."),
}


class LazyGroup(click.Group):
    """A group that imports a command's module only when it is needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        path, _ = COMMANDS[cmd_name]
        module, _, attribute = path.partition(":")  # where the command is not called as its module
        command: click.Command = getattr(importlib.import_module(module), attribute or cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name][1]) for name in self.list_commands(ctx)])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="millstream")
def cli() -> None:
    """Millstream: recommendations that learn while people click.

    \b
    Examples:
      millstream topics create
      millstream publish events.jsonl
      millstream stream & millstream train & millstream serve
    """


def main() -> None:
    """Entry point: our own errors end the command with one line, not with a traceback."""
    # The clients' errors reach a person as our one line; a worker sets its own levels.
    logs.configure(libraries="CRITICAL")
    try:
        cli()
    except MillstreamError as error:
        click.secho(f"millstream: {error}", fg="red", err=True)
        sys.exit(1)
