"""The daemon's control socket, and the orders it carries out for the tools."""
