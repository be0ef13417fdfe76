"""Files into passages, and passages found by words and by meaning. No SQL."""
