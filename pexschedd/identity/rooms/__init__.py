"""The accounts of room systems that ask for their meetings, and the tokens of other
screens."""
