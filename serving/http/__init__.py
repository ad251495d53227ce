"""The HTTP API: what comes in is checked, what goes out is described."""
