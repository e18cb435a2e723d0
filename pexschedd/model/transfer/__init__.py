"""Records that whole configurations need on their way into the store. Pure."""
