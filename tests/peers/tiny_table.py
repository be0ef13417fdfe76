"""A language model small enough to be written by hand, whatever library runs it.

What belongs here: the pieces of text that the model knows, and which follows which. Nothing of it
is trained: the weights are a table of "this piece is followed by that one", laid out as a network
of one layer whose attention and feed-forward parts add nothing. How files are made of that is up to
the programs of the servers, which run in environments of their own; no test imports this.
"""

from itertools import pairwise

import numpy as np

MODEL = "tiny-table"
CONTEXT = (
    16384  # tokens; the tokenizer knows bytes only, so this is also the prompt's size in bytes
)
WIDTH = 512  # one dimension for each token, so that no two tokens resemble each other
HEAD = 16
FEED_FORWARD = 32

# What the model says after each way a prompt can end. Every piece is one token and no piece is
# written twice, as the network sees the previous token only.
ASK, TOLD, END = "<|user_end|>", "<|tool_end|>", "<|end|>"
CALL = [
    '<tool_call>\n{"name": ',
    '"code_interpreter"',
    ', "arguments": ',
    '{"code": ',
    '"print((14',
    " - 11)",
    ' / 3)"}',
    "}\n</tool_call>",
]
ANSWER = ["The equation", " has", " one", " solution", ": x = 1."]
REFUSAL = ["Without", " a tool", " I", " cannot", " compute."]
SAID_AFTER = {ASK: CALL, TOLD: ANSWER, END: REFUSAL}

# Liked best when the table has no entry: to stop, or else what ends a JSON document soonest. Only
# a grammar (another tool, a response format) brings the model to the second and those behind it.
FALLBACK = {"</s>": 0.5, "<0x22>": 0.4, "<0x7D>": 0.3, "<0x5D>": 0.2}  # stop, ", }, ]

TEMPLATE = """\
{%- if tools %}<|system|># Tools
<tools>
{%- for tool in tools %}
{{ tool | tojson }}
{%- endfor %}
</tools>
For each function call, return a json object within <tool_call></tool_call> tags:
<tool_call>
{"name": <function-name>, "arguments": <args-json-object>}
</tool_call><|end|>
{%- endif %}
{%- for message in messages %}
{%- if message.role == "assistant" %}<|assistant|>{{ message.content or "" }}
{%- for call in message.tool_calls or [] %}
<tool_call>
{"name": {{ call.function.name | tojson }}, "arguments": {{ call.function.arguments | tojson }}}
</tool_call>
{%- endfor %}<|end|>
{%- elif message.role == "tool" %}<|tool|>{{ message.content }}<|tool_end|>
{%- elif message.role == "user" %}<|user|>{{ message.content -}}
{{ "<|user_end|>" if tools else "<|end|>" }}
{%- else %}<|system|>{{ message.content }}<|end|>
{%- endif %}
{%- endfor %}
"""


def vocabulary() -> tuple[list[str], list[str], list[str]]:
    """Control tokens, the 256 bytes, and the pieces that are said, in the table's order."""
    control = ["<unk>", "<s>", "</s>", "<|system|>", "<|user|>", "<|assistant|>", "<|tool|>"]
    control += SAID_AFTER
    said = [piece for pieces in SAID_AFTER.values() for piece in pieces]
    pieces = ["▁", *(piece.replace(" ", "▁") for piece in said)]
    return control, [f"<0x{byte:02X}>" for byte in range(256)], pieces


def table() -> np.ndarray:
    """How much each token (row) likes to follow each other one (column)."""
    tokens = [token for kind in vocabulary() for token in kind]
    number = {token.replace("▁", " "): index for index, token in enumerate(tokens)}
    logits = np.zeros((len(tokens), WIDTH), dtype=np.float32)
    for token, liking in FALLBACK.items():
        logits[number[token]] = liking
    for start, pieces in SAID_AFTER.items():
        said = [start, *pieces, "</s>"]
        for previous, following in pairwise(said):
            logits[number[following], number[previous]] = 1.0
    return logits
