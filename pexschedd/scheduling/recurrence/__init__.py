"""The times of the occurrences of a series. Pure."""
