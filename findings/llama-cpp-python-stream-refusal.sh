#!/usr/bin/env bash
# llama-cpp-python 0.3.36, its server: a refusal is lost where the answer was to be streamed. It is
# 200 and an empty body.
#
# Asked:     POST /v1/chat/completions with a prompt longer than the model's context, whole and with
#            "stream": true.
# Expected:  The same refusal for both; at the least an event that holds the error. OpenAI's API
#            reference has streams end with "data: [DONE]".
# Seen:      Whole: 400 with the code "context_length_exceeded". Streamed: 200, text/event-stream, and
#            not one byte of body, neither an error nor "[DONE]".
#
# A client sees an answer that was never begun, and cannot tell why. Needs Python 3.11 or newer as
# python3, pip and a C++ compiler: the package is built, which takes minutes. The model is made here,
# of random weights. Exits with 0 as long as this is so.
set -euo pipefail

work="$(mktemp -d)"
trap 'kill $(jobs -p) 2>/dev/null || true; wait; rm -rf "$work"' EXIT
python3 -m venv "$work/env"
"$work/env/bin/pip" install -q "llama_cpp_python[server]==0.3.36" gguf==0.19.0 numpy==2.4.6
cd "$work"

cat >model.py <<'END'
"""A llama of one layer and random weights, with bytes for its tokens."""
import numpy as np
from gguf import GGUFWriter, TokenType

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
    writer.add_tensor(f"{name}.weight", random.normal(size=shape).astype(np.float32))
writer.write_header_to_file()
writer.write_kv_data_to_file()
writer.write_tensors_to_file()
writer.close()
END
env/bin/python model.py
port="$(python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')"
env/bin/python -m llama_cpp.server --model tiny.gguf --host 127.0.0.1 --port "$port" >log 2>&1 &
for _ in $(seq 300); do
    ! grep -q "Uvicorn running" log || break
    sleep 0.1
done

cat >ask.py <<'END'
import json
import sys
import urllib.error
import urllib.request


def ask(**fields):
    request = urllib.request.Request(
        f"http://127.0.0.1:{sys.argv[1]}/v1/chat/completions",
        json.dumps({"model": "any", "max_tokens": 8, "temperature": 0, **fields}).encode(),
        {"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.read().decode(errors="replace")
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode(errors="replace")


messages = [{"role": "user", "content": "long " * 1000}]
status, body = ask(messages=messages)
print(status, json.loads(body)["error"]["code"], *map(repr, ask(messages=messages, stream=True)))
END
seen="$(env/bin/python ask.py "$port")"
echo "$seen"
[ "$seen" = "400 context_length_exceeded 200 ''" ]
