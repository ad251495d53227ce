"""State and feature rows of a long log, by bucket: the cores of the stream without its shells.

sources.py     events of files, or of the retained topics, in the order of their times
scan.py        one pass over them: repeats left out, items known, each event to its user's bucket
buckets.py     tables cut by a hash of an id, on disk
rows.py        events as rows of those tables
runs.py        rows in runs that are worked on at once
user_stage.py  one bucket of users: states, feature rows, and what each event does to its item
item_stage.py  one bucket of items: the same, from what the users' stage says
last_rows.py   the last feature rows of entities
work.py        the folder of a run, and the files of its buckets
outcome.py     what comes out, as files, and as effects for a store
engine.py      the passes in their order, on several processes, to be gone on with when killed
tail.py        the newest part of a log through the stream's own core, for its examples
bootstrap.py   the state of a new installation, made of both
command.py     what the commands need of it
"""
