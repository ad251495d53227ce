"""`millstream stream`: the stream worker."""

import click

from millstream.settings import settings


@click.command()
def stream() -> None:
    """Run the stream worker: features, joins, examples.

    One worker is active at a time; further ones stand by and take over when it ends. SIGTERM or
    Ctrl-C ends it after the batch in progress.

    \b
    Example:
      REDIS_URL=redis://127.0.0.1:6379/0 millstream stream
    """
    from stream.main import main

    main(settings())
