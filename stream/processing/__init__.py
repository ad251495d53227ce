"""Pure processing of a batch: prefetch, segments of interactions, state transitions."""
