"""Forms of other services, made of an archive."""
