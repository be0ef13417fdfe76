"""Serve llama.cpp's HTTP server with a model small enough to be written by hand.

What belongs here: the making of a tiny GGUF file and the few settings of the server. Run by the
interpreter of the peers' environment, never imported by a test. The weights are not trained: they
are a table of "this piece of text is followed by that one" laid out as a llama network of one
layer. The network, the sampler, the chat template, the grammar and the HTTP layer that use the
table are llama.cpp's own, and so is every byte on the wire.
"""

import argparse
import signal
import tempfile
from itertools import pairwise
from pathlib import Path

import numpy as np
from gguf import GGUFWriter, TokenType
from xllamacpp import CommonParams, Server

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


def vocabulary() -> tuple[list[str], list[TokenType]]:
    """Control tokens, the 256 bytes, and the pieces the model can say."""
    control = ["<s>", "</s>", "<|system|>", "<|user|>", "<|assistant|>", "<|tool|>"]
    control += SAID_AFTER
    said = [piece for pieces in SAID_AFTER.values() for piece in pieces]
    pieces = ["▁", *(piece.replace(" ", "▁") for piece in said)]
    tokens = ["<unk>", *control, *(f"<0x{byte:02X}>" for byte in range(256)), *pieces]
    types = [TokenType.UNKNOWN]
    types += [TokenType.CONTROL] * len(control)
    types += [TokenType.BYTE] * 256
    types += [TokenType.NORMAL] * len(pieces)
    return tokens, types


def write_model(path: Path) -> None:
    """Write the network as a GGUF file of about 2 MB."""
    tokens, types = vocabulary()
    number = {token.replace("▁", " "): index for index, token in enumerate(tokens)}
    logits = np.zeros((len(tokens), WIDTH), dtype=np.float32)
    for token, liking in FALLBACK.items():
        logits[number[token]] = liking
    for start, pieces in SAID_AFTER.items():
        said = [start, *pieces, "</s>"]
        for previous, following in pairwise(said):
            logits[number[following], number[previous]] = 1.0

    writer = GGUFWriter(path, "llama")
    writer.add_name(MODEL)
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(1)
    writer.add_feed_forward_length(FEED_FORWARD)
    writer.add_head_count(1)
    writer.add_head_count_kv(1)
    writer.add_key_length(HEAD)
    writer.add_value_length(HEAD)
    writer.add_rope_dimension_count(HEAD)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model("llama")
    writer.add_token_list(tokens)
    writer.add_token_scores([0.0] * len(tokens))
    writer.add_token_types(types)
    writer.add_unk_token_id(number["<unk>"])
    writer.add_bos_token_id(number["<s>"])
    writer.add_eos_token_id(number["</s>"])
    writer.add_add_space_prefix(False)
    writer.add_chat_template(TEMPLATE)

    def zeros(*shape: int) -> np.ndarray:
        return np.zeros(shape, dtype=np.float32)

    writer.add_tensor("token_embd.weight", np.eye(len(tokens), WIDTH, dtype=np.float32))
    writer.add_tensor("output.weight", logits)
    ones = np.ones(WIDTH, dtype=np.float32)
    for norm in ("output_norm", "blk.0.attn_norm", "blk.0.ffn_norm"):
        writer.add_tensor(f"{norm}.weight", ones)
    for name in ("attn_q", "attn_k", "attn_v"):
        writer.add_tensor(f"blk.0.{name}.weight", zeros(HEAD, WIDTH))
    writer.add_tensor("blk.0.attn_output.weight", zeros(WIDTH, HEAD))
    writer.add_tensor("blk.0.ffn_gate.weight", zeros(FEED_FORWARD, WIDTH))
    writer.add_tensor("blk.0.ffn_up.weight", zeros(FEED_FORWARD, WIDTH))
    writer.add_tensor("blk.0.ffn_down.weight", zeros(WIDTH, FEED_FORWARD))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def main() -> None:
    """Build the model, serve it until a signal comes."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--port", type=int, required=True)
    arguments.add_argument("--key", required=True, help="the only API key that is accepted")
    options = arguments.parse_args()
    stop = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, stop)  # before the server's threads inherit the mask
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "tiny.gguf"
        write_model(model)
        params = CommonParams()
        params.model.path = str(model)
        params.model_alias = {MODEL}
        params.hostnames = ["127.0.0.1"]
        params.port = options.port
        params.api_keys = [options.key]
        params.n_ctx = CONTEXT
        params.n_predict = 256  # pieces; a grammar the table cannot end would run to the context
        params.n_parallel = 1
        params.n_threads_http = 4
        params.cpuparams.n_threads = 1
        params.cpuparams_batch.n_threads = 1
        params.use_jinja = True
        params.offline = True
        params.ui = False
        params.warmup = False
        params.sampling.temp = 0.0
        server = Server(params)
        print(f"llama.cpp listens on {server.listening_address}", flush=True)
        signal.sigwait(stop)


if __name__ == "__main__":
    main()
