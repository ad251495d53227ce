"""The Feast repository: `cd feature_repo && feast apply`.

`definitions.py` builds every Feast object from `features/spec.py`; `feature_store.yaml` says where
the stores are; `redis_url.py` lets the online store take its address from `REDIS_URL`.
"""

from pathlib import Path

from millstream.domain import current

# Feast is used in folders of its own; what is relative is meant from where the workers run.
current.look_from(Path(__file__).resolve().parents[1])
