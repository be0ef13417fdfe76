"""JSON documents to objects of the protocol and back, by cattrs."""
