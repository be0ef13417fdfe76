"""Builds the bubblewrap command that sandboxes a Python: its file system, user and environment.

Only the command is built here; bubblewrap.py runs it, and sets the limits.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from assistants_client.engine.code_interpreter.base import FOLDER
from assistants_client.errors import ConfigurationError

#: The program that runs in the sandbox, and its path there.
_PROGRAM: Final = Path(__file__).with_name("sandbox_main.py")
_PROGRAM_INSIDE: Final = "/run/sandbox_main.py"

#: The files that Python needs of the system, and of the folders that it is installed in. The whole
#: of those is not mounted: an environment may have been made in the folder of a project.
_LIBRARIES: Final = ("/usr/lib", "/usr/lib64", "/usr/lib32", "/lib", "/lib64", "/lib32")
_OF_THE_SYSTEM: Final = ("/etc/ld.so.cache", "/etc/alternatives", "/usr/share/zoneinfo")
_OF_PYTHON: Final = ("bin", "lib", "lib64", "pyvenv.cfg")
_PROBE: Final = """\
import json, site, sys
print(json.dumps([[sys.prefix, sys.base_prefix], site.getsitepackages()]))"""

_ENVIRONMENT: Final = {
    "HOME": "/tmp",
    "LANG": "C.UTF-8",
    "MPLBACKEND": "Agg",
    "MPLCONFIGDIR": "/tmp/matplotlib",
    # Each thread of these takes address space for its stack and buffers.
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
}


class BwrapCommand:
    """The command that starts one Python in a sandbox.

    Args:
        program: Bubblewrap's path.
        python: The path of the interpreter.
        installed: The files and folders that make it up, see :func:`installation_of`.
        written_bytes: Bytes that can be written to ``/tmp``.
    """

    def __init__(
        self, program: str, python: str, installed: Iterable[str], written_bytes: int
    ) -> None:
        self._python = python
        self._common = [
            program,
            *("--unshare-all", "--unshare-user"),
            *("--uid", "65534", "--gid", "65534", "--hostname", "sandbox"),
            *("--cap-drop", "ALL", "--die-with-parent", "--new-session", "--clearenv"),
            # There is no /proc: to root's own processes it would be writable.
            *("--dev", "/dev", "--remount-ro", "/dev"),
            # Before what may lie within it.
            *("--size", str(written_bytes), "--tmpfs", "/tmp"),
        ]
        for path in _LIBRARIES:
            if os.path.islink(path):
                self._common += ["--symlink", os.readlink(path), path]
            else:
                self._common += ["--ro-bind-try", path, path]
        seen = sorted({*_OF_THE_SYSTEM, *installed})
        for path in seen:
            self._common += ["--ro-bind-try", path, path]
        for link, target in _links(python):
            if not link.startswith(tuple(f"{path}/" for path in seen)):
                self._common += ["--symlink", target, link]
        self._common += ["--ro-bind", str(_PROGRAM), _PROGRAM_INSIDE, "--chdir", FOLDER]
        for name, value in _ENVIRONMENT.items():
            self._common += ["--setenv", name, value]

    def start(self, rules: int, size: int) -> list[str]:
        """Returns the command up to the arguments of Python.

        Args:
            rules: The number of the file that holds the filter of system calls.
            size: Bytes of all files that the thread's folder in the sandbox can hold.
        """
        return [
            *self._common,
            *("--seccomp", str(rules)),
            *("--size", str(size), "--tmpfs", FOLDER),
            # What is not a mount of its own lies in one that has no bound.
            *("--remount-ro", "/"),
            *("--", self._python, "-I", "-B", "-X", "utf8"),
        ]

    def for_call(
        self, rules: int, result: int, size: int, modules: Iterable[str] = ()
    ) -> list[str]:
        """Returns the command for one call.

        Args:
            rules: As for :meth:`start`.
            result: The number of the file for the result.
            size: As for :meth:`start`.
            modules: Modules to import until the request comes.
        """
        return [*self.start(rules, size), _PROGRAM_INSIDE, str(result), *modules]


def _links(path: str) -> Iterator[tuple[str, str]]:
    """Yields the links on the way to a file, and the target of each."""
    while os.path.islink(path):
        target = os.readlink(path)
        yield path, target
        path = os.path.join(os.path.dirname(path), target)


def installation_of(python: str) -> set[str]:
    """Returns the files and folders that make up an installation of Python.

    Raises:
        ConfigurationError: The interpreter is not a Python.
    """
    try:
        done = subprocess.run([python, "-I", "-c", _PROBE], check=True, capture_output=True, env={})
        prefixes, packages = json.loads(done.stdout)
    except (OSError, subprocess.CalledProcessError, ValueError) as error:
        raise ConfigurationError(f"code_interpreter: {python} is no Python: {error}") from None
    folders = {*prefixes, *map(os.path.realpath, prefixes)}
    return {*packages, *(os.path.join(folder, name) for folder in folders for name in _OF_PYTHON)}
