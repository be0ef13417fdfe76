"""Builds the filter program of Linux for the system calls that code may not make. Pure.

The code gets one process and no more: then its memory and processor time are those of one process,
which limits of processes bound. Forbidden is also what holds memory beside that, sockets, what
reaches into other processes, and what only widens the surface of the kernel: mounts, modules,
handles of files, what root alone may do anyway. It is a filter of forbidden calls: everything else
is left to the namespaces, the missing capabilities and the file systems of the sandbox.
"""

from __future__ import annotations

import errno
import struct
from collections.abc import Mapping
from typing import Final

from attrs import frozen

#: Numbers that all architectures share.
_EVERYWHERE: Final = {
    "clone3": 435,
    "io_uring_setup": 425,
    "io_uring_enter": 426,
    "io_uring_register": 427,
    "open_tree": 428,
    "move_mount": 429,
    "fsopen": 430,
    "fsconfig": 431,
    "fsmount": 432,
    "fspick": 433,
    "pidfd_open": 434,
    "pidfd_getfd": 438,
    "process_madvise": 440,
    "mount_setattr": 442,
    "quotactl_fd": 443,
    "memfd_secret": 447,
}


@frozen
class _Machine:
    #: The kernel's number of the architecture.
    audit: int
    clone: int
    #: The calls by number that fail as not permitted.
    forbidden: Mapping[str, int]


_MACHINES: Final = {
    "x86_64": _Machine(
        0xC000003E,
        56,
        {
            "fork": 57,
            "vfork": 58,
            "unshare": 272,
            "setns": 308,
            "ptrace": 101,
            "socket": 41,
            "shmget": 29,
            "semget": 64,
            "msgget": 68,
            "mq_open": 240,
            "memfd_create": 319,
            "bpf": 321,
            "perf_event_open": 298,
            "userfaultfd": 323,
            "add_key": 248,
            "request_key": 249,
            "keyctl": 250,
            "process_vm_readv": 310,
            "process_vm_writev": 311,
            "kcmp": 312,
            "mount": 165,
            "umount2": 166,
            "pivot_root": 155,
            "chroot": 161,
            "init_module": 175,
            "finit_module": 313,
            "delete_module": 176,
            "kexec_load": 246,
            "kexec_file_load": 320,
            "swapon": 167,
            "swapoff": 168,
            "reboot": 169,
            "acct": 163,
            "quotactl": 179,
            "syslog": 103,
            "settimeofday": 164,
            "name_to_handle_at": 303,
            "open_by_handle_at": 304,
            "lookup_dcookie": 212,
            "fanotify_init": 300,
            "personality": 135,
            "iopl": 172,
            "ioperm": 173,
        },
    ),
    "aarch64": _Machine(
        0xC00000B7,
        220,
        {
            "unshare": 97,
            "setns": 268,
            "ptrace": 117,
            "socket": 198,
            "shmget": 194,
            "semget": 190,
            "msgget": 186,
            "mq_open": 180,
            "memfd_create": 279,
            "bpf": 280,
            "perf_event_open": 241,
            "userfaultfd": 282,
            "add_key": 217,
            "request_key": 218,
            "keyctl": 219,
            "process_vm_readv": 270,
            "process_vm_writev": 271,
            "kcmp": 272,
            "mount": 40,
            "umount2": 39,
            "pivot_root": 41,
            "chroot": 51,
            "init_module": 105,
            "finit_module": 273,
            "delete_module": 106,
            "kexec_load": 104,
            "kexec_file_load": 294,
            "swapon": 224,
            "swapoff": 225,
            "reboot": 142,
            "acct": 89,
            "quotactl": 60,
            "syslog": 116,
            "settimeofday": 170,
            "name_to_handle_at": 264,
            "open_by_handle_at": 265,
            "lookup_dcookie": 18,
            "fanotify_init": 262,
            "personality": 92,
        },
    ),
}

# Instructions of the filter's machine: load a word of the call's data, compare, return.
_LOAD: Final = 0x20
_IF_EQUAL: Final = 0x15
_IF_AT_LEAST: Final = 0x35
_IF_BITS: Final = 0x45
_RETURN: Final = 0x06

# The offsets of the call's number, its architecture and its first argument.
_NUMBER: Final = 0
_ARCHITECTURE: Final = 4
_FIRST_ARGUMENT: Final = 16

_ALLOW: Final = 0x7FFF0000
_KILL: Final = 0x80000000
_FAIL: Final = 0x00050000

_CLONE_THREAD: Final = 0x00010000
#: Numbers from here on are those of another convention for the same processor.
_OTHER_CONVENTION: Final = 0x40000000


def filter_for(machine: str) -> bytes | None:
    """Returns the filter for an architecture of ``platform.machine()``; ``None`` if unknown."""
    found = _MACHINES.get(machine)
    if found is None:
        return None
    refuse = _step(_RETURN, _FAIL | errno.EPERM)
    steps = [
        _step(_LOAD, _ARCHITECTURE),
        _step(_IF_EQUAL, found.audit, then=1),
        _step(_RETURN, _KILL),
        _step(_LOAD, _NUMBER),
        _step(_IF_AT_LEAST, _OTHER_CONVENTION, otherwise=1),
        refuse,
    ]
    for number in (*found.forbidden.values(), *_EVERYWHERE.values()):
        # Programs take this error for an older kernel, and go on with clone.
        unknown = number == _EVERYWHERE["clone3"]
        action = _step(_RETURN, _FAIL | errno.ENOSYS) if unknown else refuse
        steps += [_step(_IF_EQUAL, number, otherwise=1), action]
    steps += [
        _step(_IF_EQUAL, found.clone, then=1),
        _step(_RETURN, _ALLOW),
        _step(_LOAD, _FIRST_ARGUMENT),
        _step(_IF_BITS, _CLONE_THREAD, otherwise=1),
        _step(_RETURN, _ALLOW),
        refuse,
    ]
    return b"".join(steps)


def _step(code: int, value: int, *, then: int = 0, otherwise: int = 0) -> bytes:
    """Returns one instruction; a comparison skips so many of the next ones."""
    return struct.pack("=HBBI", code, then, otherwise, value)
