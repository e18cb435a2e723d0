"""A room's calendar and an installation's settings in, the list for a screen out."""
