"""`python -m online_trainer`: the same as `millstream trainer`."""

from millstream.cli.trainer import trainer

trainer()
