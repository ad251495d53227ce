"""Models at serving: compiled once, fed with the weights of the newest snapshot."""
