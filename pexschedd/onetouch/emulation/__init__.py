"""An Exchange calendar of one room, as room systems that pull their meetings ask for
it: requests in, answers out. Pure."""
