"""Scheduling: a pure core, and the use cases and workers around it."""
