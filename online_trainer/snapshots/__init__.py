"""Snapshots of the trainer: capture, gate, publication, retention, resumption."""
