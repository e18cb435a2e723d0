"""PURE: when the occurrences of a series take place."""
