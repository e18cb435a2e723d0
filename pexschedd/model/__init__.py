"""Frozen records: what the daemon knows. No I/O, no clock."""
