"""HTTP for the screens that ask for their meetings: room systems, and any browser."""
