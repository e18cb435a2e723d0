"""Connections with Microsoft Graph, as the daemon's parts share them."""
