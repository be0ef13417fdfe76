"""What happens to runs, passed on to those who follow them, and written as event streams."""
