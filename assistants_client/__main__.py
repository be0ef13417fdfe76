"""``python -m assistants_client`` is the command ``assistants``."""

from __future__ import annotations

import sys

from assistants_client.cli.command_line import main

if __name__ == "__main__":
    sys.exit(main())
