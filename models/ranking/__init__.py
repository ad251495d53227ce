"""Networks that score a user and an item together."""
