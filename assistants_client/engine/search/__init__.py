"""Cuts files into passages, and ranks passages by words and by meaning. No SQL."""
