"""Log and online store of an installation without Kafka and Redis: SQLite files in one folder.

`log.py` has topics with partitions and offsets, as Kafka has; `store.py` carries out the commands
that Redis would. Workers meet on both as they do on the servers, from several processes.
"""
