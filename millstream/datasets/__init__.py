"""Public datasets: obtained once, verified, kept in a cache folder, read as events."""
