"""Personal rooms: users who have signed in, their rooms, and the texts for these."""
