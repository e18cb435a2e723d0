"""The organizers' own calendars over Graph: finding a meeting, and rewriting it."""
