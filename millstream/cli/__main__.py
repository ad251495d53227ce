"""`python -m millstream.cli`: the same as `millstream`."""

from millstream.cli import main

main()
