"""`millstream serve`: the serving worker."""

import click

from millstream.settings import settings


@click.command()
def serve() -> None:
    """Run the serving worker: lists over HTTP, from the newest snapshot.

    The API is described on /docs; / is a console to try it with.

    \b
    Examples:
      millstream serve
      curl -X POST localhost:8000/v1/recommend -d '{"user_id": "196"}' \\
           -H 'Content-Type: application/json'
    """
    from serving.main import main

    main(settings())
