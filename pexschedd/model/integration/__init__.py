"""The integration and its parts: Exchange, Microsoft Graph, rooms, the add-in."""
