#!/usr/bin/env bash
# llama.cpp's server, as built into xllamacpp 2026.10.11549: by the Responses API, an answer that
# was cut at max_output_tokens is "completed".
#
# Asked:     POST /v1/responses with "max_output_tokens": 4, whole and streamed, of a model that never
#            ends by itself; and the same of /v1/chat/completions with "max_tokens": 4.
# Expected:  OpenAI's API reference, "The Response object": "status" is "incomplete", and
#            "incomplete_details" is {"reason": "max_output_tokens"}; a stream ends with the event
#            "response.incomplete". As the same server's chat completions say: "length".
# Seen:      "status": "completed", no "incomplete_details", and "response.completed" at the end of
#            the stream; four tokens in "usage". Chat completions: "finish_reason": "length".
#
# A client cannot tell a whole answer from one that was cut. Needs Python 3.11 or newer as python3,
# and pip. The model is made here, of random weights. Exits with 0 as long as this is so.
set -euo pipefail

work="$(mktemp -d)"
trap 'kill $(jobs -p) 2>/dev/null || true; wait; rm -rf "$work"' EXIT
python3 -m venv "$work/env"
"$work/env/bin/pip" install -q xllamacpp==2026.10.11549 gguf==0.19.0 numpy==2.4.6
cd "$work"

cat >serve.py <<'END'
"""A llama of one layer and random weights, with bytes for its tokens, on a port that is printed."""
import time

import numpy as np
from gguf import GGUFWriter, TokenType
from xllamacpp import CommonParams, Server

tokens = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
kinds = [TokenType.UNKNOWN, TokenType.CONTROL, TokenType.CONTROL] + [TokenType.BYTE] * 256
random = np.random.default_rng(7)
writer = GGUFWriter("tiny.gguf", "llama")
writer.add_context_length(2048)
writer.add_embedding_length(64)
writer.add_block_count(1)
writer.add_feed_forward_length(64)
writer.add_head_count(1)
writer.add_head_count_kv(1)
writer.add_layer_norm_rms_eps(1e-6)
writer.add_vocab_size(len(tokens))
writer.add_tokenizer_model("llama")
writer.add_token_list(tokens)
writer.add_token_scores([0.0] * len(tokens))
writer.add_token_types(kinds)
writer.add_bos_token_id(1)
writer.add_eos_token_id(2)
writer.add_chat_template("{% for m in messages %}{{ m.content }}{% endfor %}")
shapes = {"token_embd": (len(tokens), 64), "output": (len(tokens), 64), "output_norm": (64,)}
shapes |= {"blk.0.attn_norm": (64,), "blk.0.ffn_norm": (64,)}
shapes |= {f"blk.0.attn_{name}": (64, 64) for name in ("q", "k", "v", "output")}
shapes |= {f"blk.0.ffn_{name}": (64, 64) for name in ("gate", "up", "down")}
for name, shape in shapes.items():
    weights = random.normal(size=shape).astype(np.float32)
    if name == "output":
        weights[:3] = 0  # it ends by nothing but the bound
    writer.add_tensor(f"{name}.weight", weights)
writer.write_header_to_file()
writer.write_kv_data_to_file()
writer.write_tensors_to_file()
writer.close()

params = CommonParams()
params.model.path = "tiny.gguf"
params.hostnames = ["127.0.0.1"]
params.port = 0
params.n_ctx = 2048
params.use_jinja = True
params.offline = True
params.ui = False
params.sampling.temp = 0.0
server = Server(params)
print("listens on", server.listening_address, flush=True)
time.sleep(120)
END
cat >ask.py <<'END'
import json
import sys
import urllib.request


def ask(path, **fields):
    request = urllib.request.Request(
        sys.argv[1] + path,
        json.dumps({"model": "any", **fields}).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return answer.read().decode(errors="replace")


whole = json.loads(ask("/v1/responses", input="hello", max_output_tokens=4))
stream = ask("/v1/responses", input="hello", max_output_tokens=4, stream=True)
last = json.loads(stream.strip().rpartition("data: ")[2])
question = [{"role": "user", "content": "hello"}]
chat = json.loads(ask("/v1/chat/completions", messages=question, max_tokens=4))
print(
    [whole["status"], whole.get("incomplete_details"), whole["usage"]["output_tokens"]],
    [last["type"], last["response"]["status"]],
    chat["choices"][0]["finish_reason"],
)
END
env/bin/python serve.py >log 2>&1 &
for _ in $(seq 300); do
    url="$(sed -n 's/^listens on \(http.*\)$/\1/p' log)"
    [ -z "$url" ] || break
    sleep 0.1
done
seen="$(env/bin/python ask.py "$url")"
echo "$seen"
[ "$seen" = "['completed', None, 4] ['response.completed', 'completed'] length" ]
