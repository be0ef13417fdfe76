"""What servers of language models really do: one row for each behaviour, with its source.

To add a server's quirk, add one row to the file of its kind; nothing else:

    Row(
        name="Acme: ids are numbers",
        version="2.1, 2026-05",
        source="https://github.com/acme/server/issues/12",
        does="Gives each call a number as its id.",
        answers=tool_round(calls(call("get_weather", OSLO_TEXT, id=7))),
        run=FUNCTIONS,
        right=calls_weather(),
    )

``answers`` is a function from a request's body and number to an answer; server_answers.py has those
that most rows are put together from. ``run`` is what the server meets, ``right`` what must come of
it; row.py says what both can hold. A behaviour without a source that can be looked up is no row.

Kinds: which call a piece belongs to (``calls``), what a call looks like (``call_forms``) and in
which form its arguments come (``arguments``); how answers end (``ends``), what a stream holds
beside them (``streams``, ``keepalives``), what is in them beside text (``contents``), and their
tokens (``usage``); what must go back (``signatures``, ``thoughts``); which threads are taken
(``shapes``); what refusals mean (``overflows``, ``limits``, ``refusals``), what is no answer
(``no_answers``) and what is learnt from all that (``learning``, ``streaming``); the Responses API
(``responses`` and its neighbours); and vectors (``embeddings``).
"""

from __future__ import annotations

from typing import Final

from behaviours.arguments import ARGUMENTS
from behaviours.call_forms import CALL_FORMS
from behaviours.calls import CALLS
from behaviours.contents import CONTENTS
from behaviours.embeddings import EMBEDDINGS
from behaviours.ends import ENDS
from behaviours.keepalives import KEEPALIVES
from behaviours.learning import LEARNING
from behaviours.limits import LIMITS
from behaviours.no_answers import NO_ANSWERS
from behaviours.overflows import OVERFLOWS
from behaviours.refusals import REFUSALS
from behaviours.responses import RESPONSES
from behaviours.responses_contents import RESPONSES_CONTENTS
from behaviours.responses_ends import RESPONSES_ENDS
from behaviours.row import Row
from behaviours.shapes import SHAPES
from behaviours.signatures import SIGNATURES
from behaviours.streaming import STREAMING
from behaviours.streams import STREAMS
from behaviours.thoughts import THOUGHTS
from behaviours.usage import USAGES

ROWS: Final[list[Row]] = [
    *CALLS,
    *CALL_FORMS,
    *ARGUMENTS,
    *ENDS,
    *STREAMS,
    *KEEPALIVES,
    *CONTENTS,
    *USAGES,
    *SIGNATURES,
    *THOUGHTS,
    *SHAPES,
    *OVERFLOWS,
    *LIMITS,
    *REFUSALS,
    *NO_ANSWERS,
    *LEARNING,
    *STREAMING,
    *RESPONSES,
    *RESPONSES_CONTENTS,
    *RESPONSES_ENDS,
    *EMBEDDINGS,
]
