"""PURE: the times of the occurrences of a series."""
