"""Autoencoders of what a user did: every item is scored from all items of the user."""
