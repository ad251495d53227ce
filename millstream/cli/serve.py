"""`millstream serve`: the serving worker."""

import click

from millstream.settings import settings


@click.command()
def serve() -> None:
    """Run the serving worker: recommendations over HTTP, from the newest snapshot.

    The API is documented at /docs; / is a console to try it with. SIGTERM or Ctrl-C ends it after
    the requests that it has accepted.

    \b
    Examples:
      millstream serve
      curl -X POST localhost:8000/v1/recommend -d '{"user_id": "196"}' \\
           -H 'Content-Type: application/json'
    """
    from serving.main import main

    main(settings())
