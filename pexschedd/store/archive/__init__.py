"""Backups as one file: a compressed tar archive of a copy of the state folder."""
