"""Rules and objects of the protocol that need no storage: pure."""
