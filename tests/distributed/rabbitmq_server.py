"""A RabbitMQ that is started for tests alone; where it is missing the test is skipped by name."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import pytest
from ports import free_port

PATIENCE = 120.0  # seconds; on a busy machine it takes half a minute

#: Debian's command of this name changes the user, who then cannot write into the folder.
_PROGRAMS = ("/usr/lib/rabbitmq/bin/rabbitmq-server", "rabbitmq-server")


class RabbitServer:
    """A node of its own, with a port mapper of its own, in a folder that is gone at the end."""

    def __init__(self) -> None:
        found = [path for name in _PROGRAMS if (path := shutil.which(name)) is not None]
        mapper = shutil.which("epmd")
        if not found or mapper is None:
            pytest.skip("rabbitmq-server is not installed (Debian: rabbitmq-server)")
        self._program = found[0]
        self._folder = Path(tempfile.mkdtemp(prefix="assistants-rabbitmq-"))
        self.port, mapper_port = free_port(), free_port()
        self.url = f"amqp://guest:guest@127.0.0.1:{self.port}//"
        self._environment = {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(self._folder),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_EPMD_PORT": str(mapper_port),
            "RABBITMQ_NODENAME": f"assistants{self.port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_MNESIA_BASE": str(self._folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(self._folder / "log"),
            "RABBITMQ_PID_FILE": str(self._folder / "pid"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self._folder / "plugins"),
            "RABBITMQ_CONFIG_FILE": str(self._folder / "none"),
        }
        self._mapper = subprocess.Popen(
            [mapper, "-port", str(mapper_port), "-address", "127.0.0.1"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._process: subprocess.Popen[bytes] | None = None
        try:
            self.start()
        except BaseException:
            self.close()
            raise

    def start(self) -> None:
        """Starts it, and waits until it can be connected with."""
        with (self._folder / "output").open("ab") as output:
            self._process = subprocess.Popen(
                [self._program],
                env=self._environment,
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # its script starts others, which are to end with it
            )
        until = time.monotonic() + PATIENCE
        while True:
            try:
                with socket.create_connection(("127.0.0.1", self.port), 5) as connection:
                    connection.sendall(b"AMQP\0\0\x09\x01")
                    if connection.recv(1):
                        return
            except OSError:
                pass
            assert self._process.poll() is None, self._output()
            assert time.monotonic() < until, self._output()
            time.sleep(0.1)

    def kill(self) -> None:
        """Ends it, as kill -9 does."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(PATIENCE)
            self._process = None

    def close(self) -> None:
        """Ends it for good."""
        self.kill()
        self._mapper.kill()
        self._mapper.wait(PATIENCE)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _output(self) -> str:
        return (self._folder / "output").read_text(errors="replace")[-4000:]
