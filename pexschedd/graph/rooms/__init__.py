"""The calendars of rooms over Microsoft Graph, for One-Touch Join."""
