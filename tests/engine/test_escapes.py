"""Code that tries to get out of its sandbox, or to bring it down: all of it is contained.

Each attempt is made in a run on the engine. Afterwards code in the same thread is answered as ever,
no secret of this process has come out, and nothing outside has changed. What is contained how is
the sandboxes' own: here counts that it is.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import tempfile
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from attrs import frozen
from code_bench import CodeBench, code, walled

from assistants_client.engine import CodeInterpreter, MontyInterpreter
from assistants_client.engine.code_interpreter import bubblewrap, monty
from assistants_client.models.messages import MessageRequest

#: Stands in a file, a variable of the environment and a variable of this process.
SECRET = "the secret of the host"
#: Seconds that code has.
SECONDS = 0.4


@pytest.fixture(scope="module", params=["monty", "bubblewrap"])
def interpreter(request: pytest.FixtureRequest) -> Iterator[CodeInterpreter]:
    """A sandbox with little of everything, started where the environment holds a secret."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ASSISTANTS_API_KEY", SECRET)
        patch.setattr(monty, "_GRACE_SECONDS", 0.2)
        patch.setattr(bubblewrap, "_GRACE_SECONDS", 2.0)
        made: CodeInterpreter
        if request.param == "monty":
            made = MontyInterpreter(
                seconds=SECONDS,
                memory_bytes=32 * 1024 * 1024,
                output_bytes=10_000,
                written_bytes=1_000_000,
            )
        else:
            made = walled(
                seconds=SECONDS,
                memory_bytes=256 * 1024 * 1024,
                output_bytes=10_000,
                written_bytes=1_000_000,
                state_bytes=1_000_000,
            )
        yield made
        made.close()


@frozen
class Outside:
    """What code must not reach: a folder with a secret, and a server.

    Attributes:
        folder: The folder; temporary files of the engine are beside it.
        server: Listens on ``port``.
    """

    folder: Path
    server: socket.socket

    @property
    def port(self) -> int:
        """Of the server."""
        return int(self.server.getsockname()[1])

    def is_untouched(self) -> bool:
        """Whether all is as it was made, and nobody came to the server."""
        found = sorted(path.relative_to(self.folder.parent) for path in _all(self.folder.parent))
        assert [str(path) for path in found] == ["outside", "outside/secret"]
        assert (self.folder / "secret").read_text() == SECRET
        with pytest.raises(BlockingIOError):
            self.server.accept()
        return True


def _all(folder: Path) -> Iterator[Path]:
    for parent, folders, names in os.walk(folder):
        yield from (Path(parent, name) for name in [*folders, *names])


@pytest.fixture
def outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Outside]:
    """A fresh outside."""
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "secret").write_text(SECRET)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield Outside(folder, server)


@pytest.fixture(scope="module")
def bench(interpreter: CodeInterpreter) -> Iterator[CodeBench]:
    """An engine in memory, the same for all attempts: it has to survive them."""
    made = CodeBench(interpreter)
    yield made
    made.engine.close()


def attempt(bench: CodeBench, outside: Outside, *sources: str) -> str:
    """Runs code in a thread of its own, and sees that it is contained; what the model is told."""
    thread = bench.client.threads.create(messages=[bench.attached("given", "in.txt")]).id
    after = "print(6 * 7, open('/mnt/data/in.txt').read())"

    run = bench.run(thread, *map(code, [*sources, after]), "Done.")

    logs, told = bench.logs(run), bench.told()
    assert run.status == "completed"
    assert logs.endswith("42 given\n")
    assert told.endswith("42 given\n")
    assert SECRET not in logs + told
    assert max(len(logs.encode()), len(told.encode())) < 40_000
    kept = list(bench.client.files.list(purpose="assistants_output"))
    for file in kept:
        assert SECRET.encode() not in bench.client.files.content(file.id)
        bench.client.files.delete(file.id)
    assert sum(file.bytes for file in kept) <= 1_000_000
    assert outside.is_untouched()
    return told


FILES = [
    "print(open('/etc/passwd').read())",
    "print(open('OUT/secret').read())",
    "print(open('/mnt/data/../..OUT/secret').read())",
    "print(open('../../OUT/secret').read())",
    "import os\nprint(open(os.path.expanduser('~/secret')).read())",
    "import os\nos.symlink('OUT/secret', '/mnt/data/link')\nprint(open('/mnt/data/link').read())",
    "import os\nos.symlink('OUT', '/mnt/data/way')\nopen('/mnt/data/way/x', 'w').write('x')",
    "import os\nos.link('OUT/secret', '/mnt/data/hard')\nprint(open('/mnt/data/hard').read())",
    "open('OUT/x', 'w').write('x')",
    "open('OUT/secret', 'a').write('x')",
    "from pathlib import Path\nPath('OUT/secret').unlink()",
    "import os\nos.rename('OUT/secret', '/mnt/data/mine')",
    "import os\nos.rename('/mnt/data/in.txt', 'OUT/x')",
    "import os\nos.chmod('OUT/secret', 0)",
    "import shutil\nshutil.rmtree('OUT')",
    "import os\nos.listdir('OUT')",
    "import os\nos.chdir('OUT')",
    "import os\nos.open('OUT/secret', os.O_RDONLY)",
    "import io\nio.FileIO('OUT/secret')",
    "import os\nopen(os.__file__, 'a').write('')",
    "import os\nos.mkfifo('/run/x')",
    "open('/proc/sys/kernel/core_pattern').read()",
    "open('/dev/mem', 'rb')",
    "open('/x', 'w')",
    "open('/dev/shm/x', 'w')",
]
ENVIRONMENT = [
    "print(open('/proc/self/environ').read())",
    "print(open('/proc/1/environ').read())",
    "import os\nprint(os.environ['ASSISTANTS_API_KEY'])",
    "import os\nassert os.getenv('ASSISTANTS_API_KEY')",
    "import os\nassert any('the host' in v for v in os.environ.values())",
    "import sys\nassert 'assistants_client' in sys.modules",
]
NETWORK = [
    "import socket\nsocket.create_connection(('127.0.0.1', PORT), 1)",
    "import socket\nsocket.socket()",
    "import socket\nsocket.socket(socket.AF_UNIX).connect('OUT/x')",
    "import socket\nsocket.socket(socket.AF_NETLINK, socket.SOCK_RAW)",
    "import socket\nsocket.getaddrinfo('example.org', 80)",
    "import urllib.request\nurllib.request.urlopen('http://127.0.0.1:PORT/', timeout=1)",
    "import http.client\nhttp.client.HTTPConnection('127.0.0.1', PORT).request('GET', '/')",
    "import asyncio\nasyncio.run(asyncio.open_connection('127.0.0.1', PORT))",
]
PROCESSES = [
    "import os\nos.fork()",
    "import os\nos.forkpty()",
    "import os\nassert os.system('touch OUT/x') == 0",
    "import os\nos.popen('touch OUT/x').read()",
    "import os\nos.posix_spawn('/bin/sh', ['sh', '-c', 'touch OUT/x'], {})",
    "import os\nos.execv('/nowhere', ['x'])",
    "import subprocess\nsubprocess.run(['touch', 'OUT/x'], check=True)",
    "import multiprocessing\nmultiprocessing.Process(target=print).start()",
    "import os\nos.kill(PID, 9)",
    "import os\nos.kill(-1, 0)\nos.kill(PID, 0)",
    "import signal\nsignal.pidfd_send_signal(0, 9)",
    "import os\nos.setuid(0)",
    "import os\nos.unshare(os.CLONE_NEWUSER)",
    "import ctypes\nassert ctypes.CDLL(None).unshare(0x10000000) == 0",
    "import ctypes\nassert ctypes.CDLL(None).system(b'touch OUT/x') == 0",
    "import ctypes\nassert ctypes.CDLL(None).syscall(57) >= 0",
    "import ctypes\nassert ctypes.CDLL(None).ptrace(16, 1, 0, 0) == 0",
    "import ctypes\nassert ctypes.CDLL(None).mount(b'none', b'/mnt', b'tmpfs', 0, None) == 0",
    "import ctypes\nassert ctypes.CDLL(None).chroot(b'/mnt') == 0",
    "import ctypes\nassert ctypes.CDLL(None).shmget(0, 1 << 30, 0o1600) >= 0",
    "import os\nos.memfd_create('x')",
    "import ctypes\nassert ctypes.CDLL(None).process_vm_readv(2, 0, 0, 0, 0, 0) == 0",
    "import ctypes\nassert ctypes.CDLL(None).process_vm_writev(2, 0, 0, 0, 0, 0) == 0",
    "import ctypes\nassert ctypes.CDLL(None).personality(0xFFFFFFFF) >= 0",
    "import ctypes\nassert ctypes.CDLL(None).syscall(434, 2, 0) >= 0",  # pidfd_open
    "import ctypes\nassert ctypes.CDLL(None).syscall(430, b'tmpfs', 0) >= 0",  # fsopen
    "import resource\nresource.setrlimit(resource.RLIMIT_AS, (-1, -1))",
]
OBJECT_GRAPH = [
    "().__class__.__base__.__subclasses__()[0].__init__.__globals__['os'].listdir('OUT')",
    "[c for c in ().__class__.__base__.__subclasses__() if c.__name__ == '_wrap_close'][0]"
    ".__init__.__globals__['open']('OUT/secret')",
    "__import__('os').listdir('OUT')",
    "__builtins__.open('OUT/secret')",
    "(lambda: 0).__globals__['__builtins__']['open']('OUT/secret')",
    "eval('open')('OUT/secret')",
    "exec(\"open('OUT/secret')\")",
    "import importlib\nimportlib.import_module('os').listdir('OUT')",
    "import gc\nassert any(o == {'SECRET': 1} for o in gc.get_objects() if type(o) is dict)",
    "import sys\nsys._getframe(1).f_globals['SECRET']",
    "'{0.__class__.__mro__[1].__subclasses__}'.format(0)[0:0].nothing",
]


@pytest.mark.parametrize(
    "attempts",
    [FILES, ENVIRONMENT, NETWORK, PROCESSES, OBJECT_GRAPH],
    ids=["files", "environment", "network", "processes", "object graph"],
)
def test_the_way_out_is_closed(bench: CodeBench, outside: Outside, attempts: Sequence[str]) -> None:
    """Every attempt ends in an exception of the code's own, and in nothing else."""
    sources = []
    for number, source in enumerate(attempts):
        placed = source.replace("OUT", str(outside.folder)).replace("PID", str(os.getpid()))
        body = textwrap.indent(placed.replace("PORT", str(outside.port)), "    ")
        sources.append(
            f"try:\n{body}\n    print('out', {number})\n"
            f"except Exception as error:\n    print('held', {number})\n"
        )

    logs = attempt(bench, outside, "\n".join(sources))

    assert "out " not in logs
    assert logs.count("held") == len(attempts), logs


#: What is to be stopped, with words of which one is in what is told of it.
BOMBS = {
    "an endless loop": ("while True: pass", "Timeout"),
    "an endless loop that catches all": (
        "while True:\n    try:\n        while True: pass\n    except BaseException: pass",
        "Timeout stopped",
    ),
    "a sleep": ("import time\ntime.sleep(60)", "Timeout"),
    "a huge power": ("10 ** 10 ** 10", "Timeout Memory stopped"),
    "products that grow": ("a = 3 ** 10**6\nwhile True: a = a * a", "Timeout Memory stopped"),
    "a slow pattern": ("import re\nre.match('(a|aa)+$', 'a' * 60 + 'b')", ""),
    "one large string": ("x = 'x' * 10**10", "Memory"),
    "a list that grows": (
        "x = []\nwhile True: x.append('x' * 100_000 + str(len(x)))",
        "Memory Timeout",
    ),
    "a string that doubles": ("x = 'x'\nwhile True: x = x + x", "Memory Timeout"),
    "a call of itself": ("def f(): return f()\nf()", "Recursion"),
    "nested brackets": ("(" * 50_000, "Syntax Memory"),
    "nested signs": ("-" * 50_000 + "1", "Syntax Recursion Memory stopped"),
    "a nested list": ("x = []\nfor _ in range(50_000): x = [x]\nprint(x)", "Recursion [[["),
    "much output": ("print('x' * 1_000_000)", "cut"),
    "endless output": ("while True: print('x' * 1000)", "cut"),
    "a huge value": ("print([[[0] * 999] * 999] * 99)", "cut Memory Timeout"),
    "a huge error": ("raise ValueError('x' * 1_000_000)", "[…]"),
    "a huge file": ("open('big', 'wb').write(b'x' * 5_000_000)", "Error"),
    "a file that grows": ("f = open('big', 'w')\nwhile True: f.write('x' * 100_000)", "Error"),
    "a file full of nothing": ("open('big', 'wb').truncate(10**12)", "Error"),
    "many files": ("for n in range(1_500): open(f'{n}.txt', 'w').write('x')", "not kept"),
    "deep folders": ("import os\nos.makedirs('/mnt/data/' + 'd/' * 900)", ""),
    "processes without end": ("import os\nwhile True: os.fork()", "Error"),
    "threads without end": (
        "import threading, time\nwhile True:\n"
        "    threading.Thread(target=time.sleep, args=(9,), daemon=True).start()",
        "Error stopped",
    ),
    "the end of the process": ("import os\nos._exit(0)", "Error stopped failed"),
    "a signal to itself": ("import os\nos.kill(os.getpid(), 9)", "Error stopped"),
    "a signal to all": ("import os\nos.kill(-1, 9)", "Error stopped"),
    "memory that is not there": ("import ctypes\nctypes.string_at(0)", "Error stopped"),
    "an exit": ("raise SystemExit(1)", "Exit Error"),
    "an interrupt": ("raise KeyboardInterrupt", "Interrupt"),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_stopped(bench: CodeBench, outside: Outside, name: str) -> None:
    """At its limit of time, memory, depth or size, and the model is told which."""
    source, words = BOMBS[name]

    logs = attempt(bench, outside, source)

    assert not words or any(word in logs for word in words.split()), logs


ODD_TEXT = [
    "print('\\ud800\\x00\\x1b[2J')",
    "print(repr('\\ud800'))",
    "raise ValueError('\\ud800\\x00')",
    "print(float('nan'), float('inf'), -float('nan'), 1e999)",
    "print('\ud800')",
    "print('\x00')",
    "x\ud800 = 1",
    "open('/mnt/data/\\ud800', 'w').write('x')",
    "open('/mnt/data/a\\nb\\x1b', 'w').write('x')",
    "open('/mnt/data/' + 'x' * 240, 'w').write('x')",
]


def test_odd_text_is_kept_or_told(bench: CodeBench, outside: Outside) -> None:
    """Half characters, NUL and the like come out as text that databases and JSON can hold."""
    logs = attempt(bench, outside, *ODD_TEXT)

    assert json.loads(json.dumps(logs).encode()) == logs
    assert logs.encode()
    assert "\x00" not in logs


def test_a_state_that_the_code_crafted_does_nothing(bench: CodeBench, outside: Outside) -> None:
    """What runs when the variables are restored runs in the sandbox, or not at all."""
    crafted = f"""
import os
class Crafted:
    def __reduce__(self):
        return (os.system, ("touch {outside.folder}/x",))
kept = Crafted()
also = 5"""

    logs = attempt(bench, outside, crafted, "print('still', also)")

    assert "still 5" in logs or "NameError" in logs


FORGED: list[object] = [
    {"files": [["../../x", 1]]},
    {"files": [["/tmp/x", 1]]},
    {"files": [["OUT/x", 1]]},
    {"files": [["in.txt/x", 1]]},
    {"files": [["x\x00", 1]]},
    {"files": [[".", 1]]},
    {"files": [[7, 1]]},
    {"files": [["x", -1]]},
    {"files": [["x", 10**12]]},
    {"files": [["x", 0]] * 10_000},
    {"files": "x"},
    {"state": 10**12},
    {"state": -1},
    {"remarks": [{}], "failure": 7},
    {"remarks": 7},
    {"value": 10**12},
    {"value": -1},
    {"value": None},
    {"modules": 7},
    {"modules": ["os", "OUT", "numpy" * 999, {}]},
    "[" * 10_000,
    "",
]


@pytest.mark.parametrize("interpreter", ["bubblewrap"], indirect=True)
def test_a_forged_answer_does_nothing(bench: CodeBench, outside: Outside) -> None:
    """Code that speaks in the sandbox's place is believed no more than code."""
    sources = []
    for forged in FORGED:
        header = forged
        if isinstance(header, dict):
            whole = {"failure": None, "remarks": [], "modules": [], "value": 0, "state": 0}
            header = json.dumps({**whole, "files": [], **header})
        line = f"{header}\n".replace("OUT", str(outside.folder))
        sources.append(f"""
import os
for number in range(3, 30):
    try:
        os.ftruncate(number, 0)
        os.pwrite(number, {line!r}.encode() + b"x" * 100, 0)
    except OSError:
        pass
os._exit(0)""")

    logs = attempt(bench, outside, *sources)

    assert "not possible as names of files: '../../x'" in logs
    assert "The code interpreter failed" in logs


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_no_process_is_left(bench: CodeBench, outside: Outside) -> None:
    """Whatever the code did, what it ran in is gone once the call has ended."""
    before = _children()

    attempt(bench, outside, "while True: pass", "import os\nos._exit(1)")

    assert len(_children()) <= max(len(before), 1)


def _children() -> list[str]:
    own = Path("/proc/self/task").glob("*/children")
    return [pid for file in own for pid in file.read_text().split()]


def test_nothing_of_a_call_is_in_the_next_one(bench: CodeBench, outside: Outside) -> None:
    """Also where its sandbox was started while the other ran; what is unpickled stays in there."""
    leaving = (
        "import builtins, os\nbuiltins.left = 1\nos.environ['LEFT'] = '1'\n"
        "open('/tmp/left', 'w').write('x')\nopen('/mnt/data/../data/mine.txt', 'w').write('x')\n"
        "class Way:\n    def __reduce__(self):\n        return (os.mkdir, ('OUT/x',))\nway = Way()"
    ).replace("OUT", str(outside.folder))
    looking = (
        "for name in 'builtins', 'os':\n    try:\n        module = __import__(name)\n"
        "        print('out' if hasattr(module, 'left') else 'held')\n"
        "        print('out' if module.path.exists('/tmp/left') else 'held')\n"
        "        print('out' if 'LEFT' in module.environ else 'held')\n"
        "    except Exception as error:\n        print('held')"
    )
    for _ in range(3):
        attempt(bench, outside, leaving)
        assert "out" not in attempt(bench, outside, looking)


def test_a_new_thread_begins_with_nothing(bench: CodeBench, outside: Outside) -> None:
    """Neither variables nor files of one thread are seen in another."""
    attempt(bench, outside, "mine = 7\nopen('/mnt/data/mine.txt', 'w').write('x')")
    thread = bench.client.threads.create(messages=[MessageRequest("Hi")]).id

    run = bench.run(thread, code("import os\nprint(os.listdir('/mnt/data'))\nmine"), "Done.")

    assert bench.logs(run).startswith("[]\n")
    assert "NameError" in bench.logs(run)
