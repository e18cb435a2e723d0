"""A disk that takes no writes for a while, and how the store gets over it."""
