"""Whole configurations: out of an installation, and into one."""
