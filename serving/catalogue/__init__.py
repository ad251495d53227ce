"""What is known of every item, in memory: columns by row number."""
