"""Names: of objects, of requests, and of the processes that carry runs.

What an id stands for is decided elsewhere; nothing is stored here.
"""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Final, TypeAlias

#: Gives a fresh id for a prefix.
NewId: TypeAlias = Callable[[str], str]

#: Tells this process from an earlier one that had the same pid, as in a restarted container.
_PROCESS: Final = secrets.token_hex(4)


#: How many bytes an id has, by its prefix; all others have fewer.
_BYTES: Final = {"req_": 16, "vs_": 16, "vsfb_": 16}


def new_id(prefix: str) -> str:
    """A fresh id, such as ``run_`` and 24 letters and digits, as long as the service's own."""
    return prefix + secrets.token_hex(_BYTES.get(prefix, 12))


def owner_name(nonce: str) -> str:
    """How a carrier of runs in this process signs: host, pid, process and its own ``nonce``.

    It is worked out anew on every call, so that a forked child never signs as its parent.
    """
    return f"{_host()}/{os.getpid()}/{_PROCESS}/{nonce}"


def owner_is_dead(owner: str) -> bool | None:
    """Whether the process that signed so has ended; ``None`` where only its lease can tell."""
    host, pid, process, _ = owner.split("/")
    if host != _host():
        return None
    if int(pid) == os.getpid():
        return process != _PROCESS
    if os.name != "posix":
        return None  # os.kill(pid, 0) ends a process on Windows
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except OSError:
        return None  # it runs, but as another user
    return None


@cache
def _host() -> str:
    """Where a pid means something: the host and, in containers, the namespace of its pids.

    Many machines have the same name; where the system numbers its starts, that tells them apart.
    """
    try:
        namespace = os.readlink("/proc/self/ns/pid")
        start = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    except OSError:
        namespace = start = ""
    return f"{socket.gethostname()}:{namespace}:{start}".replace("/", "_")
