"""The Grafana dashboard, written by `python -m deploy.grafana` from what `overview.py` says."""
