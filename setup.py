"""Everything is declared in setup.cfg; this file is what older build tools ask for."""

from setuptools import setup

setup()
