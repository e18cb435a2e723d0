"""Mail folders, messages, events and what belongs to them, as JSON."""
