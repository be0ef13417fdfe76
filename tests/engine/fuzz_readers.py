"""Feeds a server files that were changed at random, and watches it. No test of its own.

    python tests/engine/fuzz_readers.py [SECONDS] [--seed N] [--within SECONDS]

Valid files of every kind are changed: bytes, pieces, repeated pieces; of archives the parts within.
A server of its own reads them in vector stores, while another thread asks it for a list again and
again. It ends with 1 when a file is not read and not failed in the end, when an answer takes longer
than ``--within`` (a tenth of a second; give more on a busy machine), or when the server grows. No
file is kept: the same seed makes the same ones again.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import random
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from documents import docx_of, docx_with, locked_pdf, pdf, pptx_of, shape, sheet, slide, xlsx_of

from assistants_client import Client

PAGE = (
    "<!DOCTYPE html><html><head><meta charset='utf-8'><title>T</title><style>p { }</style></head>"
    "<body><!-- c --><h1>Sheep &amp; goats</h1><p class='a'>Sheep <b>gr</b>aze.</p>"
    "<table><tr><td>a</td><td>b</td></tr></table><script>var a = '</p>';</script></body></html>"
)
SEEDS: dict[str, list[bytes]] = {
    "txt": [b"Plain words, and more of them.\n\nAnother paragraph.\n" * 20],
    "md": [b"# Head\n\nWords.\n\n## Below #\n\n* one\n* two\n" * 10],
    "html": [PAGE.encode(), PAGE.encode("utf-16")],
    "json": [b'{"a": [1, 2, {"b": "c\\u00e4"}], "d": null}\n' * 20],
    "csv": [b"name,town\nAda,London\nEmil,Berlin\n" * 20],
    "pptx": [pptx_of(slide(shape("One", "title"), shape("text")), slide(shape("Two")))],
    "xlsx": [xlsx_of({"One": sheet(["name", "town"], ["Ada", "London"], ["Emil", 7])})],
    "pdf": [pdf("A page about rivers.", "A page about bridges."), locked_pdf("locked", "")],
    "docx": [
        docx_of("Bees", "Bees make honey.", table=[["bee", "wax"], ["wasp", "paper"]]),
        docx_with("<w:p><w:r><w:t>a</w:t><w:tab/></w:r></w:p><w:tbl><w:tr><w:tc/></w:tr></w:tbl>"),
    ],
}
PIECES = [
    *(b"<!--", b"-->", b"<!---->", b"<div>", b"</div>", b"<svg>", b"<a b='", b"&#9", b"&", b"<"),
    *(b"<meta charset=", b"<script>", b"# ", b"#", b"\n", b"\r\n", b" ", b"\t", b"\x00", b"\xff"),
    *(
        b"<w:p>",
        b"<w:tbl>",
        b"<w:tc>",
        b"</w:tc>",
        b"obj",
        b"endobj",
        b"stream",
        b"<<",
        b">>",
        b"[",
    ),
    *(
        "\u0301".encode(),
        "東".encode(),
        "\U0001f600".encode(),
        b"a",
        b"1,",
        b"%PDF-",
        b"PK\x03\x04",
    ),
]
#: The parts of archives that are changed.
PARTS = {
    *("word/document.xml", "word/styles.xml", "ppt/presentation.xml", "ppt/slides/slide99.xml"),
    *("_rels/.rels", "ppt/_rels/presentation.xml.rels", "xl/workbook.xml", "xl/worksheets/0.xml"),
}
#: Files of one store.
ROUND = 24
#: Seconds that one round may take: what the readers' own bounds allow for all of its files.
LONGEST_ROUND = 240 * ROUND / 2
#: How much larger the server may be in the end than after the first rounds.
GROWTH_MB = 100


def changed(content: bytes, chance: random.Random) -> bytes:
    """Some bytes with a few changes."""
    made = bytearray(content)
    for _ in range(chance.choice((0, 1, 1, 2, 4, 16))):
        place = chance.randrange(len(made) + 1)
        end = min(len(made), place + chance.choice((1, 4, 64, 1024)))
        how = chance.randrange(5)
        if how == 0:
            made[place:end] = chance.randbytes(end - place)
        elif how == 1:
            del made[place:end]
        elif how == 2:
            times = chance.choice((1, 10, 1_000, 50_000))
            made[place:place] = chance.choice(PIECES) * times
        elif how == 3:
            made[place:place] = bytes(made[place:end]) * chance.choice((1, 10, 500))
        elif place < len(made):
            made[place] ^= 1 << chance.randrange(8)
    return bytes(made[:4_000_000])


def changed_within(content: bytes, chance: random.Random) -> bytes:
    """An archive of which one part is changed."""
    made = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(content)) as source,
        zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as target,
    ):
        for name in source.namelist():
            part = source.read(name)
            is_chosen = name in PARTS
            target.writestr(name, changed(part, chance) if is_chosen else part)
    return made.getvalue()


def files(chance: random.Random) -> Iterator[tuple[str, bytes]]:
    """Names and contents, without end."""
    while True:
        ending = chance.choice(list(SEEDS))
        content = chance.choice(SEEDS[ending])
        if content.startswith(b"PK") and chance.random() < 0.8:
            content = changed_within(content, chance)
        else:
            content = changed(content, chance)
        yield f"file.{ending if chance.random() < 0.9 else chance.choice(list(SEEDS))}", content


@contextlib.contextmanager
def server(folder: str) -> Iterator[tuple[str, int]]:
    """A server of its own: its base URL and its process."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "assistants_client", "serve", "--port", str(port)]
    process = subprocess.Popen(
        [*command, "--database", f"sqlite:///{folder}/fuzz.db"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    try:
        for _ in range(600):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                break
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}/v1", process.pid
    finally:
        process.terminate()
        process.wait(30)


def megabytes(pid: int) -> int:
    """The memory of a process; 0 where that cannot be told."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    return int(status.partition("VmRSS:")[2].split()[0]) // 1024


def ask(url: str, ended: threading.Event, taken: list[float]) -> None:
    """Asks for a list ten times a second, and notes how long each answer takes."""
    while not ended.wait(0.1):
        begin = time.monotonic()
        with contextlib.suppress(OSError):
            urllib.request.urlopen(f"{url}/assistants", timeout=60).read()
        taken.append(time.monotonic() - begin)


def one_round(client: Client, chance: random.Random, told: Counter[str]) -> str:
    """Has some files read; returns what is wrong, if anything."""
    source = files(chance)
    ids = []
    for _ in range(ROUND):
        name, content = next(source)
        ids.append(client.files.upload(io.BytesIO(content or b" "), filename=name).id)
    store = client.vector_stores.create(file_ids=ids)
    until = time.monotonic() + LONGEST_ROUND
    while client.vector_stores.retrieve(store.id).file_counts.in_progress:
        if time.monotonic() > until:
            return "files are still not read"
        time.sleep(0.05)
    for held in client.vector_store_files.list(store.id):
        error = held.last_error
        told[re.sub(r"\d+", "9", error.message)[:60] if error else held.status] += 1
        if error is not None and error.code == "server_error":
            return f"not the file's fault: {error.message}"
    client.vector_stores.delete(store.id)
    for file in ids:
        client.files.delete(file)
    return ""


def main() -> int:
    """Runs until the time is up or something is wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("seconds", nargs="?", type=float, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--within", type=float, default=0.1)
    given = parser.parse_args()
    told: Counter[str] = Counter()
    taken: list[float] = []
    sizes: list[int] = []
    ended = threading.Event()
    wrong = ""
    with tempfile.TemporaryDirectory() as folder, server(folder) as (url, pid):
        client = Client(url)
        client.vector_stores.create()
        asking = threading.Thread(target=ask, args=(url, ended, taken))
        asking.start()
        until, seed = time.monotonic() + given.seconds, given.seed
        while time.monotonic() < until and not wrong:
            wrong = one_round(client, random.Random(seed), told)
            sizes.append(megabytes(pid))
            seed += 1
        ended.set()
        asking.join()
    taken.sort()
    for words, times in told.most_common():
        print(f"{times:6}  {words}")
    print(f"{sum(told.values())} files, seeds {given.seed} to {seed - 1}")
    late = sum(one > given.within for one in taken)
    shares = [taken[int(len(taken) * share)] for share in (0.5, 0.99)]
    print(f"{len(taken)} answers: half within {shares[0]:.3f} s, 99 % within {shares[1]:.3f} s, ")
    print(f"all within {taken[-1]:.3f} s; {late} took longer than {given.within} s")
    first = max(sizes[: max(1, len(sizes) // 4)])
    print(f"memory of the server: {first} MB in the first quarter, {sizes[-1]} MB in the end")
    if late:
        wrong = wrong or "an answer took too long"
    if sizes[-1] > first + GROWTH_MB:
        wrong = wrong or "the server grew"
    print(wrong or "nothing was found")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
