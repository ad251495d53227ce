"""Effects of a batch as rows and messages, and the shells that publish and store them."""
