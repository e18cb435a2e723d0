"""Protocols that the clients of calendar servers implement for One-Touch Join."""
