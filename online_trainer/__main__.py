"""`python -m online_trainer`: the same as `millstream train`."""

from millstream.cli.train import train

train()
