"""What a mistake raises, as the tests compare it."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

#: Made up; long enough to be looked for in messages.
OPENAI_KEY = "sk-0123456789abcdef"
AZURE_KEY = "0123456789abcdef0123456789abcdef"


def message(kind: type[Exception], act: Callable[[], object]) -> str:
    """What the mistake raises, without the ids that are new each time."""
    with pytest.raises(kind) as caught:
        act()
    text = str(caught.value)
    assert OPENAI_KEY not in text
    assert AZURE_KEY not in text
    return re.sub(r" \[request id \w+\]", "", re.sub(r"\b(run|thread)_\w{20,}", r"\1_…", text))
