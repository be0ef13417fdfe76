"""The protocol's objects as attrs classes: no I/O, and none of them holds a client."""
