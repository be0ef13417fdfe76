"""A source of any size is read in flat memory."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from thorough import amount, another_case

#: Megabytes of the source.
SIZE = amount(60, 4096)
#: Megabytes that reading may take, the interpreter and its modules included.
MOST = 150

WRITER = """
import json, sys
size, before, between, after = int(sys.argv[1]) * 1_000_000, *sys.argv[2:]
text = "\\u00e9\\U0001f600 words " * 120
written = sys.stdout.write(before)
number = 0
while written < size:
    content = [{"type": "text", "text": {"value": text, "annotations": []}}]
    message = {"id": f"msg_{number}", "object": "thread.message", "created_at": number}
    message |= {"thread_id": "thread_A", "role": "user", "content": content}
    line = json.dumps(message, ensure_ascii=False)
    written += sys.stdout.write((between if number else "") + line)
    number += 1
sys.stdout.write(after)
print(number, file=sys.stderr)
"""
READER = """
import re
from assistants_client.transfer.losses import Losses
from assistants_client.transfer.reading.options import ReadOptions
from assistants_client.transfer.reading.sources import read
losses = Losses()
last = None
count = 0
for last in read(["/dev/stdin"], losses, ReadOptions()):
    count += last.kind == "message"
# What resource says would begin with the peak of the process that started this one.
peak = int(re.search("VmHWM:\\s+([0-9]+)", open("/proc/self/status").read())[1]) // 1024
print(count, peak, sum(losses.counts.values()), last.is_cut)
"""
FORMS = {
    "an array": ("[", ",", "]"),
    "a page": ('{"object":"list","data":[', ",\n", '],"has_more":true}'),
    "a thread": ('{"thread":{"id":"thread_A","object":"thread"},"messages":[', ",\n", "]}"),
    "lines": ("", "\n", "\n"),
    "one after the other": ("", "", ""),
}


@pytest.mark.parametrize(
    "form",
    [
        "an array",
        "a page",
        pytest.param("a thread", marks=another_case),
        "lines",
        pytest.param("one after the other", marks=another_case),
    ],
)
def test_memory_does_not_grow_with_the_source(form: str) -> None:
    """It comes through a pipe, and no message of it is lost."""
    command = [sys.executable, "-c", WRITER, str(SIZE), *FORMS[form]]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as writer:
        reader = subprocess.run(
            [sys.executable, "-c", READER],
            stdin=writer.stdout,
            capture_output=True,
            check=True,
            text=True,
            cwd=Path(__file__).parents[2],
        )
        assert writer.stderr is not None
        written = int(writer.stderr.read())
    count, peak, losses, is_cut = reader.stdout.split()

    assert (int(count), int(losses)) == (written, 0)
    assert int(peak) < MOST
    assert is_cut == str(form == "a page")
