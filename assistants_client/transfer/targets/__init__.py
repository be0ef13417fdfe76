"""What other services take, made from an archive."""
