"""One module per resource: from a path and a request object to a result."""
