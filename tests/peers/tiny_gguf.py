"""The model of tiny_table.py as a GGUF file, for what is built on llama.cpp.

What belongs here: the file's keys and tensors. Run by the interpreters of the servers.
"""

from pathlib import Path

import numpy as np
from gguf import GGUFWriter, TokenType
from tiny_table import CONTEXT, FEED_FORWARD, HEAD, MODEL, TEMPLATE, WIDTH, table, vocabulary


def write_model(path: Path) -> None:
    """Write the network as a GGUF file of about 2 MB."""
    control, numbers, pieces = vocabulary()
    tokens = [*control, *numbers, *pieces]
    kinds = [TokenType.UNKNOWN] + [TokenType.CONTROL] * (len(control) - 1)
    kinds += [TokenType.BYTE] * len(numbers) + [TokenType.NORMAL] * len(pieces)

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
    writer.add_token_types(kinds)
    writer.add_unk_token_id(tokens.index("<unk>"))
    writer.add_bos_token_id(tokens.index("<s>"))
    writer.add_eos_token_id(tokens.index("</s>"))
    writer.add_add_space_prefix(False)
    writer.add_chat_template(TEMPLATE)

    def zeros(*shape: int) -> np.ndarray:
        return np.zeros(shape, dtype=np.float32)

    writer.add_tensor("token_embd.weight", np.eye(len(tokens), WIDTH, dtype=np.float32))
    writer.add_tensor("output.weight", table())
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
