"""PURE: what is said to the server and what its answers mean.

One module per operation: `build_…` makes the whole request, `parse_…` reads the whole
answer and raises `envelope.SoapError` when it holds no result.
"""
