"""The HTTP side of Graph: its endpoints, and the controls."""
