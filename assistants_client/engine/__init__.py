"""The embedded engine: the whole protocol in this process (extra ``engine``)."""
