"""Connections to other machines: trust in certificates, the web proxy, HTTP clients."""
