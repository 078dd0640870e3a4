"""A language model of random weights, small enough to be written on the spot: it can speak, and has nothing to say."""

from __future__ import annotations

from pathlib import Path

import numpy
from gguf import GGUFWriter, TokenType

WIDTH, HEADS, LAYERS, INNER = 64, 4, 2, 128
CONTEXT = 16_384
# A llama reads any text by its bytes; what it says is made of whole characters, for a stray byte is no text.
BYTES = [f"<0x{value:02X}>" for value in range(256)]
CHARACTERS = [*map(chr, range(33, 127)), "▁", "é", "ß", "–", "日", "本", "🌍"]
TOKENS = ["<unk>", "<s>", "</s>", *BYTES, *CHARACTERS]
TYPES = [TokenType.UNKNOWN, TokenType.CONTROL, TokenType.CONTROL] + [TokenType.BYTE] * 256
TYPES += [TokenType.NORMAL] * len(CHARACTERS)
# How gladly it says a token. What closes something is liked, so that an answer comes to an end; numbers stay small.
LIKED = {"</s>": 1.0, '"': 2.0, "}": 1.5, "]": 1.0, "0": 1.0, "-": -1.5, "e": -1.5, "E": -1.5}
NEVER = -30.0
TEMPLATE = (
    "{% for message in messages %}{{ message.role + ': ' + message.content + '\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ 'assistant: ' }}{% endif %}"
)


def write_model(path: Path, *, seed: int = 1) -> None:
    """Write it as a GGUF file; the same seed gives the same weights."""
    writer = GGUFWriter(path, "llama")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    _add_vocabulary(writer)
    _add_weights(writer, numpy.random.default_rng(seed))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _add_vocabulary(writer: GGUFWriter) -> None:
    writer.add_vocab_size(len(TOKENS))
    writer.add_tokenizer_model("llama")
    writer.add_token_list(TOKENS)
    writer.add_token_scores([0.0] * 3 + [-1000.0] * len(BYTES) + [-1.0] * len(CHARACTERS))
    writer.add_token_types(TYPES)
    writer.add_unk_token_id(0)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_add_space_prefix(False)
    writer.add_chat_template(TEMPLATE)


def _add_weights(writer: GGUFWriter, chance: numpy.random.Generator) -> None:
    def add(name: str, *shape: int) -> None:
        writer.add_tensor(f"{name}.weight", chance.normal(0, 0.05, shape).astype(numpy.float32))

    def add_norm(name: str) -> None:
        writer.add_tensor(f"{name}.weight", numpy.ones(WIDTH, numpy.float32))

    words = chance.normal(0, 0.05, (len(TOKENS), WIDTH)).astype(numpy.float32)
    # The first number of a state is always the large one, so that of a row of the output counts as a liking.
    words[:, 0] = 2.0
    writer.add_tensor("token_embd.weight", words)
    output = chance.normal(0, 0.1, (len(TOKENS), WIDTH)).astype(numpy.float32)
    output[:, 0] = [_liking(token) / WIDTH**0.5 for token in TOKENS]
    writer.add_tensor("output.weight", output)
    add_norm("output_norm")
    for number in range(LAYERS):
        add_norm(f"blk.{number}.attn_norm")
        add_norm(f"blk.{number}.ffn_norm")
        for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
            add(f"blk.{number}.{name}", WIDTH, WIDTH)
        add(f"blk.{number}.ffn_gate", INNER, WIDTH)
        add(f"blk.{number}.ffn_up", INNER, WIDTH)
        add(f"blk.{number}.ffn_down", WIDTH, INNER)


def _liking(token: str) -> float:
    return NEVER if token in BYTES or token in ("<unk>", "<s>") else LIKED.get(token, 0.0)
