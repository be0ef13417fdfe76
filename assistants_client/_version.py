"""The version, alone, so that building never imports a dependency."""

__version__ = "0.1.0"
