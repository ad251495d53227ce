"""State in Redis: schema, connection, transactions, the leader lease."""
