"""The Feast repository: `cd feature_repo && feast apply`.

`definitions.py` builds every Feast object from `features/spec.py`; `feature_store.yaml` says where
the stores are; `redis_url.py` lets the online store take its address from `REDIS_URL`.
"""
