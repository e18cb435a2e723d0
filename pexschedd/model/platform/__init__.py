"""Themes and groups of identity providers, which the platform has under their names."""
