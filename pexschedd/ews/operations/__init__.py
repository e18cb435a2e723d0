"""Requests to the server, and the meaning of its answers. Pure.

One module per operation: `build_…` makes the whole request, `parse_…` reads the whole
answer and raises `envelope.SoapError` when it holds no result.
"""
