"""Runs and files processed in the background: threads, rounds of a model, tool calls."""
