"""The integration and its parts: Exchange, rooms, the add-in."""
