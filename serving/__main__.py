"""`python -m serving`: the serving worker, as `millstream serve` starts it."""

from millstream.cli.serve import serve

if __name__ == "__main__":
    serve()
