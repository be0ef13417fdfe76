"""Run ``transformers serve`` with the model of tiny_table.py.

What belongs here: the model's folder and the server's options. Run by an interpreter that has
``transformers[serving]`` and torch, never imported by a test. The network, the tokenizer, the chat
template, the parsing of tool calls and the HTTP layer are those of transformers, and so is every
byte on the wire. It knows no keys.
"""

import argparse
import os
import signal
import sys
import tempfile
from pathlib import Path

import tiny_table
import torch
from tokenizers import Tokenizer, decoders, models, normalizers
from transformers import GraniteConfig, GraniteForCausalLM, PreTrainedTokenizerFast
from transformers.cli.transformers import main as command

#: How the server finds a call in what the model says, and where the model begins to say it.
RESPONSE_TEMPLATE = {
    "defaults": {"role": "assistant"},
    "start_anchor": [tiny_table.ASK, tiny_table.TOLD, tiny_table.END],
    "fields": {
        "tool_calls": {
            "open": "<tool_call>",
            "close": "</tool_call>",
            "repeats": True,
            "content": "json",
            "transform": {"type": "function", "function": "{content}"},
        },
        "content": {"close": "</s>", "content": "text"},
    },
}


def tokenizer() -> PreTrainedTokenizerFast:
    """Knows bytes and whole pieces: what is asked becomes bytes, what is said is pieces."""
    control, numbers, pieces = tiny_table.vocabulary()
    tokens = [*control, *numbers, *pieces]
    ids = {token: index for index, token in enumerate(tokens)}
    made = Tokenizer(models.BPE(ids, [], unk_token="<unk>", byte_fallback=True))
    made.normalizer = normalizers.Replace(" ", "▁")
    made.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    )
    made.add_special_tokens(control)
    return PreTrainedTokenizerFast(
        tokenizer_object=made,
        unk_token="<unk>",
        bos_token="<s>",
        eos_token="</s>",
        chat_template=tiny_table.TEMPLATE,
        response_template=RESPONSE_TEMPLATE,
    )


def network() -> GraniteForCausalLM:
    """The table as a Granite of one layer, a family that takes whatever tokenizer it is given."""
    control, numbers, pieces = tiny_table.vocabulary()
    size = len(control) + len(numbers) + len(pieces)
    config = GraniteConfig(
        vocab_size=size,
        hidden_size=tiny_table.WIDTH,
        intermediate_size=tiny_table.FEED_FORWARD,
        num_hidden_layers=1,
        num_attention_heads=1,
        num_key_value_heads=1,
        max_position_embeddings=tiny_table.CONTEXT,
        tie_word_embeddings=False,
        bos_token_id=control.index("<s>"),
        eos_token_id=control.index("</s>"),
    )
    made = GraniteForCausalLM(config)
    with torch.no_grad():
        for name, weights in made.named_parameters():
            if not name.endswith("norm.weight"):
                weights.zero_()
        made.get_input_embeddings().weight.copy_(torch.eye(size, tiny_table.WIDTH))
        made.get_output_embeddings().weight.copy_(torch.from_numpy(tiny_table.table()))
    return made


def main() -> None:
    """Build the model, serve it until a signal comes."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--port", required=True)
    options = arguments.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # uvicorn raises it again at its end
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)  # the model's name is its path
        tokenizer().save_pretrained(Path(tiny_table.MODEL))
        network().save_pretrained(Path(tiny_table.MODEL))
        given = ["--device", "cpu", "--host", "127.0.0.1", "--port", options.port]
        sys.argv[1:] = ["serve", tiny_table.MODEL, *given]
        command()


if __name__ == "__main__":
    main()
