"""The online trainer: examples in, tested then learnt from, snapshots out."""
