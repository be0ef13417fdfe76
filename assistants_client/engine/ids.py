"""Names: of objects, of requests, and of the workers that process runs.

The meaning of an id is decided elsewhere; nothing is stored here.
"""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Final, TypeAlias

#: Returns a new id for a prefix.
NewId: TypeAlias = Callable[[str], str]

#: Distinguishes this process from an earlier one with the same pid, as in a restarted container.
_PROCESS: Final = secrets.token_hex(4)

#: The number of bytes of an id, by its prefix; all others have fewer.
_BYTES: Final = {"req_": 16, "vs_": 16, "vsfb_": 16}


def new_id(prefix: str) -> str:
    """Returns a new id, such as ``run_`` and 24 letters and digits, as long as OpenAI's."""
    return prefix + secrets.token_hex(_BYTES.get(prefix, 12))


def owner_name(nonce: str) -> str:
    """Returns the owner name of a worker in this process: host, pid, process and its ``nonce``.

    It is computed anew on every call, so that a forked child never has the name of its parent.
    """
    return f"{_host()}/{os.getpid()}/{_PROCESS}/{nonce}"


def owner_is_dead(owner: str) -> bool | None:
    """Returns whether the process of an owner has ended; ``None`` where only its lease can show."""
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
    """Returns the scope of a pid: the host and, in containers, the namespace of its pids.

    Many machines have the same name; where the system numbers its boots, that distinguishes them.
    """
    try:
        namespace = os.readlink("/proc/self/ns/pid")
        start = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    except OSError:
        namespace = start = ""
    return f"{socket.gethostname()}:{namespace}:{start}".replace("/", "_")
