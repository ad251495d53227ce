"""Records in: the Faust app, its transport, decoding, alignment of partitions by event time."""
