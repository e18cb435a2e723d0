"""The daemon's control socket, and the orders that it executes for the tools."""
