"""The JSON API that administrators know."""
