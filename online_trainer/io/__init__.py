"""Input and output of the trainer: consumer, examples, offsets, outbox."""
