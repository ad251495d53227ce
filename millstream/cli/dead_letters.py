"""`millstream dead-letters`: messages that were refused; why, what they were, and sent again."""

import base64
import json
import re
import time
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import click
import msgspec
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from millstream import kafka
from millstream.dead_letters import DeadLetter
from millstream.errors import InvalidEvent, LogUnavailable, MillstreamError
from millstream.filed_letters import Filed, chosen, filed, numbered, original_of, source_of
from millstream.settings import settings
from millstream.topics import IMPRESSIONS, INTERACTIONS, ITEMS, USERS

# What the stream reads.
SOURCES = (INTERACTIONS.name, IMPRESSIONS.name, ITEMS.name, USERS.name)
_UNITS_S = {"s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0}


class Since(click.ParamType):
    """A time: an age such as 30m, 2h or 7d, or an RFC 3339 time; as Unix seconds."""

    name = "AGE|TIME"

    def convert(self, value: Any, param: Any, ctx: Any) -> float:
        if isinstance(value, float):
            return value
        if found := re.fullmatch(r"(\d+(?:\.\d+)?)([smhd])", value):
            return time.time() - float(found[1]) * _UNITS_S[found[2]]
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"Expected an age (30m, 2h, 7d) or an RFC 3339 time. Received: {value!r}.")
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _filters(command: Any) -> Any:
    """The options by which letters are chosen."""
    for option in (
        click.option("--reason", help="Text that the reason or the path contains."),
        click.option(
            "--since", type=Since(), help="Oldest letter: an age (30m, 2h, 7d) or a time."
        ),
        click.option("--topic", type=click.Choice(SOURCES), help="Topic that was read."),
    ):
        command = option(command)
    return command


@click.group("dead-letters")
def dead_letters() -> None:
    """List, show and send again messages that the stream refused.

    \b
    Examples:
      millstream dead-letters list --since 2h --reason event_time
      millstream dead-letters show 17
      millstream dead-letters replay --since 2h --yes
    """


@dead_letters.command("list")
@_filters
@click.option("--limit", default=50, show_default=True, help="Maximum letters shown, newest first.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per line, with all fields.")
def list_letters(
    topic: str | None, since: float | None, reason: str | None, limit: int, as_json: bool
) -> None:
    """List dead letters, newest first, and their number by topic and path.

    \b
    Examples:
      millstream dead-letters list
      millstream dead-letters list --topic items --since 7d
    """
    found = list(chosen(filed(settings(), since), topic, since, reason))
    shown = found[: -limit - 1 : -1]
    if as_json:
        for each in shown:
            click.echo(json.dumps({"number": each.number, **msgspec.to_builtins(each.letter)}))
        return
    table = Table("number", "refused (UTC)", "topic:partition:offset", "path", "reason")
    for each in shown:
        letter = each.letter
        place = f"{letter.topic}:{letter.partition}:{letter.offset}"
        table.add_row(
            str(each.number),
            _utc(letter.failed_at),
            place,
            *map(escape, (letter.path, letter.reason)),
        )
    if shown:
        Console().print(table)
    click.echo(f"{len(found):,} letters{_by_path(found)}")


@dead_letters.command()
@click.argument("numbers", nargs=-1, required=True, type=int, metavar="NUMBER...")
@click.option("--raw", is_flag=True, help="Original bytes alone, to be corrected and published.")
def show(numbers: tuple[int, ...], raw: bool) -> None:
    """Show dead letters with their original messages.

    \b
    Examples:
      millstream dead-letters show 17
      millstream dead-letters show 17 --raw > corrected.jsonl
    """
    for each in numbered(settings(), numbers):
        letter, (key, original) = each.letter, original_of(settings(), each.letter)
        if raw:
            if original is None:
                raise MillstreamError(f"Letter {each.number} has no original any more.")
            click.get_binary_stream("stdout").write(original + b"\n")
            continue
        click.secho(f"letter {each.number}", bold=True)
        click.echo(f"refused:  {_utc(letter.failed_at)} UTC")
        click.echo(
            f"from:     topic {letter.topic}, partition {letter.partition}, offset {letter.offset}"
        )
        click.echo(f"path:     {letter.path}")
        click.echo(f"reason:   {letter.reason}")
        click.echo(f"key:      {_text(key)}")
        click.echo(f"original: {_text(original)}\n")


@dead_letters.command()
@click.argument("numbers", nargs=-1, type=int, metavar="[NUMBER...]")
@_filters
@click.option("--yes", is_flag=True, help="Send; without it the command only tells what it would.")
@click.option("--also-invalid", is_flag=True, help="Send also what is still invalid.")
def replay(
    numbers: tuple[int, ...],
    topic: str | None,
    since: float | None,
    reason: str | None,
    yes: bool,
    also_invalid: bool,
) -> None:
    """Send the originals of dead letters again, to the topics that they were read from.

    For messages that are valid now: after a correction of the settings, of the features, or of
    Millstream. Without --yes nothing is sent. An event that was counted under its id within
    MILLSTREAM_DEDUPE_WINDOW_S is not counted again. What is wrong in itself is corrected with
    `show --raw`, an editor and `millstream publish`.

    \b
    Examples:
      millstream dead-letters replay --since 2h
      millstream dead-letters replay 17 18 --yes
    """
    letters = (
        numbered(settings(), numbers)
        if numbers
        else chosen(filed(settings(), since), topic, since, reason)
    )
    counts: Counter[str] = Counter()
    producer = kafka.producer(settings()) if yes else None
    sent = []
    for each in letters:
        key, original = original_of(settings(), each.letter)
        fault = _fault(each.letter, key, original)
        outcome = "lost" if original is None else "still invalid" if fault else "valid"
        counts[outcome] += 1
        if fault or original is None:
            click.echo(f"{each.number}: {outcome}: {fault or 'its original is gone'}", err=True)
        if original is not None and (also_invalid or not fault):
            counts["to send"] += 1
            if producer is not None:
                name = settings().topic(source_of(each.letter.topic))
                sent.append(producer.send(name, original, key=key))
    if producer is not None:
        _await(sent, producer)
    did = "sent" if yes else "would be sent; nothing was, --yes sends them"
    click.echo(
        f"{counts['valid']:,} valid now, {counts['still invalid']:,} still invalid, "
        f"{counts['lost']:,} without an original: {counts['to send']:,} {did}."
    )


def _await(sent: list[Any], producer: Any) -> None:
    try:
        producer.flush(timeout=30)
        for future in sent:
            future.get(timeout=30)
    except Exception as error:
        raise LogUnavailable(f"Not all originals were delivered: {error}") from error
    finally:
        producer.close()


def _fault(letter: DeadLetter, key: bytes | None, original: bytes | None) -> str | None:
    """Why a message would be refused again; None where it would not."""
    from features.topic_events import TopicMessage, door, event_of

    if original is None:
        return None
    now_s = time.time()
    message = TopicMessage(letter.topic, letter.partition, letter.offset, now_s, key, original)
    try:
        event_of(message, now_s, door(settings().max_event_bytes, settings().unknown_fields))
    except InvalidEvent as error:
        return str(error)
    return None


def _by_path(found: list[Filed]) -> str:
    counts = Counter((each.letter.topic, each.letter.path) for each in found)
    told = [f"{count:,} {topic} {path}" for (topic, path), count in counts.most_common(5)]
    return f": {', '.join(told)}" if told else ""


def _text(content: bytes | None) -> str:
    """Bytes for people: JSON is laid out, other text shown as it is, the rest in Base64."""
    if content is None:
        return "none"
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return f"base64 {base64.b64encode(content).decode()}"
    try:
        return msgspec.json.format(text, indent=2)
    except (msgspec.DecodeError, RecursionError):
        return text


def _utc(at_s: float) -> str:
    return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%d %H:%M:%S")
