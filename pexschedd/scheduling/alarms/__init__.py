"""Alarms and the checks that raise them, and the health of the daemon."""
