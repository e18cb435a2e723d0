"""The calendars of rooms over Exchange Web Services."""
