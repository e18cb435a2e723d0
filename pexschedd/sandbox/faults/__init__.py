"""Faults on demand: their description, their choice, and throttling."""
