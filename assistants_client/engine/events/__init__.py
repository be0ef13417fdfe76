"""The events of runs: published to their subscribers, and written as event streams."""
