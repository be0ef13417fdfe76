"""The requests that resources, waits and streams make: sent, listed page by page, decoded."""
