"""``assistants serve``: an engine on a port, and who is let in."""
