"""Readers: from files as people have them to objects in the protocol's shape.

``sources.read`` opens what is named and picks the readers; ``options`` says how. Nothing here knows
a database, and nothing is fetched from the network.
"""
