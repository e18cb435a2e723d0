"""The rules of an installation: which services, in which order, dialled how. Pure."""
