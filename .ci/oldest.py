"""Prints the oldest dependencies that setup.cfg allows, as pip constraints.

The bounds stand in setup.cfg and nowhere else. The tools of the test run are left free.
"""

from configparser import RawConfigParser

config = RawConfigParser()
config.read("setup.cfg")
bounds = config["options"]["install_requires"] + config["options.extras_require"]["engine"]
print(bounds.replace(">=", "==").strip())
