"""Who may do what through the HTTP API, and how much of it."""
