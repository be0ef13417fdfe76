"""One module per resource: a path and a request object in, a result out."""
