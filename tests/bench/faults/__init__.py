"""Chaos: seeded faults under load, and a ledger that must balance afterwards."""
