"""Requests of Graph, their query options, filters, and preferences."""
