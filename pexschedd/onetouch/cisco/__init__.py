"""Cisco endpoints: the daemon sends them the lists of their screens."""
