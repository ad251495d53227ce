"""`millstream stream`: the stream worker."""

import click

from millstream.settings import settings


@click.command()
def stream() -> None:
    """Run a stream worker: features, joins, examples.

    Workers of one installation share its partitions, on one machine or on several; those of one
    that ends go to the others. SIGTERM or Ctrl-C ends it after the batch in progress.

    \b
    Example:
      REDIS_URL=redis://127.0.0.1:6379/0 millstream stream
    """
    from stream.main import main

    main(settings())
