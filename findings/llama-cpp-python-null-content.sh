#!/usr/bin/env bash
# llama-cpp-python 0.3.36, its server: a message that calls tools is refused where "content" is null,
# with 500.
#
# Asked:     POST /v1/chat/completions with the messages of a finished tool call: user, assistant
#            with "content": null and "tool_calls", tool. This is how the server itself answered: its
#            own message of a call holds "content": null.
# Expected:  200. OpenAI's API description has the assistant's "content" as nullable, and required
#            only unless tool_calls is given.
# Seen:      500, "internal_server_error", with pydantic's words on every kind of message: "Input
#            should be a valid string". 200 where "content" is "" or is left out.
#
# So no client can send back the server's own answer as it came. Needs Python 3.11 or newer as
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


call = {"id": "c1", "type": "function", "function": {"name": "now", "arguments": "{}"}}
tool = {"type": "function", "function": {"name": "now", "parameters": {"type": "object"}}}


def conversation(**content):
    return [
        {"role": "user", "content": "What time is it?"},
        {"role": "assistant", **content, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": "noon"},
    ]


status, body = ask(messages=conversation(content=None), tools=[tool])
error = json.loads(body)["error"]
choice = {"type": "function", "function": {"name": "now"}}
_, own = ask(messages=conversation()[:1], tools=[tool], tool_choice=choice)
print(
    status,
    error["type"],
    "Input should be a valid string" in error["message"],
    ask(messages=conversation(content=""), tools=[tool])[0],
    ask(messages=conversation(), tools=[tool])[0],
    json.loads(own)["choices"][0]["message"]["content"],
)
END
seen="$(env/bin/python ask.py "$port")"
echo "$seen"
[ "$seen" = "500 internal_server_error True 200 200 None" ]
