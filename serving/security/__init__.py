"""Access to the HTTP API: keys, scopes and rate limits."""
