"""One module per operation: build the request, parse the answer. Pure."""
