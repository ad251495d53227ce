"""The stream worker on the embedded log and store, in place of Faust and Redis."""
