"""The whole loop in one process on simulated time: all workers' cores, without their shells."""
