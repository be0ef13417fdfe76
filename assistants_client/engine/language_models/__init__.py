"""Language models the engine can think with."""
