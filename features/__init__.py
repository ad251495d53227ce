"""Features: what they are (`spec`), how they are computed, stored and encoded."""
