"""What comes in from Kafka: the catalogue, feature rows, snapshots; and what goes out to it."""
