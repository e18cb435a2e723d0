"""Inspection and repair of a state folder while the daemon is stopped."""
