"""Small generic helpers, each tested alone."""
