"""`python -m stream`: the stream worker, as `millstream stream` starts it."""

from millstream.cli.stream import stream

if __name__ == "__main__":
    stream()
