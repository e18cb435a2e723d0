"""Reading rooms' calendars: how often, what, and what becomes of it."""
