"""One file a row of the dashboard."""
