"""Commands of the management API that have routes of their own."""
