#!/usr/bin/env bash
# transformers 5.24.0, `transformers serve`: an answer that reaches max_tokens within a tool call is
# 500 without words; streamed, it is an answer without content.
#
# Asked:     POST /v1/chat/completions with "tools" and "max_tokens": 4, of a model of the Qwen2 family
#            that is in the middle of a call when the four tokens are spent.
# Expected:  200 with "finish_reason": "length" and what came until there, as OpenAI's API reference
#            has it: "length if the maximum number of tokens specified in the request was reached".
#            llama.cpp's server gives the call with its arguments as far as they went.
# Seen:      500, text/plain, "Internal Server Error": the parser of tool calls raises on JSON that is
#            not whole. Streamed: 200, "finish_reason": "length", and no delta with text or a call.
#
# A client that bounds its costs cannot tell a bound that was reached from a server that broke. Needs
# Python 3.11 or newer as python3, and pip; torch takes 1 to 5 GB. The model is made here: it says
# <tool_call> and then {, again and again. Exits with 0 as long as this is so.
set -euo pipefail

work="$(mktemp -d)"
trap 'kill $(jobs -p) 2>/dev/null || true; wait; rm -rf "$work"' EXIT
export HF_HUB_OFFLINE=1 HOME="$work"
python3 -m venv "$work/env"
"$work/env/bin/pip" install -q "transformers[serving]==5.24.0" torch==2.13.0
cd "$work"

cat >model.py <<'END'
"""A Qwen2 of one layer whose every token is chosen by the one before it, with bytes for tokens."""
import torch
from tokenizers.pre_tokenizers import ByteLevel
from transformers import Qwen2Config, Qwen2ForCausalLM, Qwen2Tokenizer

TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{{ '<|im_start|>assistant\\n' }}"
)
special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<tool_call>", "</tool_call>"]
tokens = [*sorted(ByteLevel.alphabet()), *special]
ids = {token: index for index, token in enumerate(tokens)}
tokenizer = Qwen2Tokenizer(vocab=ids, merges=[], chat_template=TEMPLATE)
tokenizer.add_special_tokens({"additional_special_tokens": special[1:3]})
tokenizer.add_tokens(special[3:])
tokenizer.save_pretrained("tiny")

config = Qwen2Config(
    vocab_size=len(tokens),
    hidden_size=512,
    intermediate_size=8,
    num_hidden_layers=1,
    num_attention_heads=1,
    num_key_value_heads=1,
    max_position_embeddings=1024,
    tie_word_embeddings=False,
    bos_token_id=None,
    eos_token_id=ids["<|im_end|>"],
)
model = Qwen2ForCausalLM(config)
with torch.no_grad():
    for name, weights in model.named_parameters():
        if not name.endswith("norm.weight"):
            weights.zero_()
    model.get_input_embeddings().weight.copy_(torch.eye(len(tokens), 512))
    after = model.get_output_embeddings().weight
    after[ids["<tool_call>"], ids["\u010a"]] = 1  # U+010A stands for the line's end
    after[ids["{"], ids["<tool_call>"]] = 1
    after[ids["{"], ids["{"]] = 1
model.save_pretrained("tiny")
END
env/bin/python model.py 2>/dev/null
port="$(python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')"
env/bin/transformers serve tiny --device cpu --host 127.0.0.1 --port "$port" >log 2>&1 &
for _ in $(seq 600); do
    ! grep -q "Uvicorn running" log || break
    sleep 0.1
done

cat >ask.py <<'END'
import json
import sys
import urllib.error
import urllib.request

TOOL = {"type": "function", "function": {"name": "now", "parameters": {"type": "object"}}}


def ask(**fields):
    document = {
        "model": "tiny",
        "messages": [{"role": "user", "content": "What time is it?"}],
        "tools": [TOOL],
        "max_tokens": 4,
        "temperature": 0,
    }
    request = urllib.request.Request(
        f"http://127.0.0.1:{sys.argv[1]}/v1/chat/completions",
        json.dumps({**document, **fields}).encode(),
        {"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.read().decode(errors="replace")
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode(errors="replace")


status, body = ask(stream=True)
choices = [json.loads(line[6:])["choices"][0] for line in body.splitlines() if line]
said = [choice["delta"] for choice in choices if set(choice["delta"]) - {"role"}]
print(ask(), status, choices[-1]["finish_reason"], said)
END
seen="$(env/bin/python ask.py "$port")"
echo "$seen"
[ "$seen" = "(500, 'Internal Server Error') 200 length []" ]
