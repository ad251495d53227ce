"""Parts of `bench_change.py`."""
