"""Ports of this machine, for servers that tests start."""

from __future__ import annotations

import socket


def free_port() -> int:
    """Returns a loopback port that nobody listened on a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as one:
        port: int = one.getsockname()[1]
    return port
