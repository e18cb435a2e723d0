"""Permissions of roles, and the rules of accounts. Pure."""
