"""`python -m millstream.cli`: the same as `millstream`."""

from millstream.cli import main

if __name__ == "__main__":  # processes of a pool import this again
    main()
