"""State in memory: entities, impression windows, watermark, known items."""
