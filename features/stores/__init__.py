"""Feature stores: online (Redis, as Feast keeps them) and offline (Parquet part files).

online.py        the protocols, one for synchronous code and one for asyncio
redis_online.py  both on Redis
memory.py        both in memory, for tests
feast_redis.py   the layout of Feast's Redis store: keys, hash fields, timestamps
feast_values.py  the bytes of Feast's values
schema.py        the Arrow schema of a view's rows
offline.py       appends rows to Parquet part files
parts.py         part files: names, atomic writes, recovery
compaction.py    many small part files into few
"""
