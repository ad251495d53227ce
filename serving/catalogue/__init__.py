"""Item catalogue in memory: columns by row number."""
