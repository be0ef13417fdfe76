"""Processes runs and files in the background: threads, rounds of a model, tool calls."""
