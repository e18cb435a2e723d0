"""The accounts that sign in to the management API. Pure."""
