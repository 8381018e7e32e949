#!/usr/bin/env python3
"""Makes the fuzzers' first inputs: seeds/TARGET/NAME, small files that each show one feature."""

import glob
import json
import os
import struct

HERE = os.path.dirname(os.path.abspath(__file__))


def write(target, name, data):
    folder = os.path.join(HERE, "seeds", target)
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, name), "wb") as file:
        file.write(data if isinstance(data, bytes) else data.encode())


def text(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def added(id, content, special=True, **more):
    return {"id": id, "content": content, "special": special, **more}


def split(pattern, behavior="Isolated"):
    return {"type": "Split", "pattern": pattern, "behavior": behavior, "invert": False}


BYTES = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
QWEN = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
        r"|\s*[\r\n]+|\s+(?!\S)|\s+")


def tokenizer_seeds():
    letters = {c: i for i, c in enumerate("abcdeĠĊÃ©")}
    byte_bpe = {
        "added_tokens": [added(20, "<|s|>"), added(21, "<think>", False, lstrip=True)],
        "normalizer": {"type": "NFC"},
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [split({"Regex": QWEN}), BYTES]},
        "post_processor": BYTES, "decoder": BYTES,
        "model": {"type": "BPE", "vocab": {**letters, "ab": 9, "Ġab": 10},
                  "merges": ["a b", ["Ġ", "ab"]], "ignore_merges": True}}
    fallback = {
        "normalizer": {"type": "Sequence", "normalizers": [
            {"type": "Prepend", "prepend": "▁"},
            {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}]},
        "post_processor": {"type": "TemplateProcessing",
                           "single": [{"SpecialToken": {"id": "<s>"}}, {"Sequence": {"id": "A"}}],
                           "special_tokens": {"<s>": {"ids": [1]}}},
        "decoder": {"type": "Sequence", "decoders": [
            {"type": "Replace", "pattern": {"String": "▁"}, "content": " "},
            {"type": "ByteFallback"}, {"type": "Fuse"},
            {"type": "Strip", "content": " ", "start": 1, "stop": 0}]},
        "model": {"type": "BPE", "unk_token": "<unk>", "byte_fallback": True, "fuse_unk": True,
                  "vocab": {"<unk>": 0, "<s>": 1, "<0xC3>": 2, "<0xA9>": 3, "▁": 4, "a": 5, "▁a": 6},
                  "merges": [["▁", "a"]]}}
    words = {"pre_tokenizer": {"type": "Sequence", "pretokenizers": [
        {"type": "WhitespaceSplit"}, {"type": "Digits", "individual_digits": True},
        {"type": "Punctuation"}]},
        "model": {"type": "WordLevel", "unk_token": "?", "vocab": {"?": 0, "two": 1, "1": 2}}}
    meta = {"normalizer": {"type": "Sequence", "normalizers": [
        {"type": "NFKD"}, {"type": "Lowercase"}, {"type": "Strip"}]},
        "pre_tokenizer": {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "first"},
        "decoder": {"type": "Metaspace", "replacement": "▁"},
        "model": {"vocab": {"▁": 0, "b": 1, "▁b": 2}, "merges": ["▁ b"]}}
    for name, value in {"byte_bpe": byte_bpe, "fallback": fallback, "words": words,
                        "metaspace": meta}.items():
        write("tokenizer", name, text(value))
        write("tokenizer", name + "_text", text(value) + "\0ab <|s|> two 12 é\n <think> \u65e5!")


def jinja_seeds():
    for path in glob.glob(os.path.join(HERE, "..", "text", "templates", "*.jinja")):
        with open(path, "rb") as file:
            write("jinja", os.path.basename(path)[:-6], file.read())
    small = {
        "loop": "{% for k, v in {'a': 1}.items() if v %}{{ loop.index0 }}{% else %}-{% endfor %}",
        "slices": "{{ messages[::-1][0]['role'][1:-1] }}{{ range(3)|list|tojson(indent=2) }}",
        "macro": "{% macro f(a, b=2) %}{{ a ~ b }}{% endmacro %}{{ f(1, b='x')|upper|trim }}",
        "spans": "{% for m in messages %}{% generation %}{{ m.content }}{% endgeneration %}{% endfor %}",
        "namespace": "{% set ns = namespace(x=0) %}{% set ns.x = ns.x + 1 %}{{ -ns.x // 2 % 3 }}",
        "filters": "{{ messages|selectattr('role', 'in', ['user'])|map(attribute='content')|join(',') }}",
        "strings": "{{ 'a,b'.split(',', 1)[-1].title().replace('B', '\\u00e9')|length }}{# x #}",
        "variables": "{{ tools|tojson }}{{ x is defined and x is not none }}\0{\"tools\":[{\"a\":1e9}],\"x\":[]}",
    }
    for name, source in small.items():
        write("jinja", name, source)


def safetensors(tensors, metadata=None):
    header, body = {}, b""
    if metadata:
        header["__metadata__"] = metadata
    for name, (dtype, shape, data) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape,
                        "data_offsets": [len(body), len(body) + len(data)]}
        body += data
    head = text(header).encode()
    head += b" " * (-len(head) % 8)
    return struct.pack("<Q", len(head)) + head + body


def safetensors_seeds():
    write("safetensors", "empty", safetensors({}))
    write("safetensors", "two", safetensors(
        {"a.weight": ("F32", [2, 1], b"\0" * 8), "b": ("BF16", [3], b"\1" * 6)}, {"format": "pt"}))
    write("safetensors", "fp8", safetensors(
        {"w": ("F8_E4M3", [2, 2], b"\x38" * 4), "w_scale_inv": ("F32", [1, 1], b"\0\0\x80\x3f"),
         "none": ("I64", [0], b"")}))


def config_seeds():
    base = {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
            "num_key_value_heads": 2, "intermediate_size": 128, "vocab_size": 300,
            "max_position_embeddings": 256, "rms_norm_eps": 1e-5, "rope_theta": 1e4,
            "hidden_act": "silu", "torch_dtype": "float32", "eos_token_id": [1, 2]}
    llama3 = {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
              "original_max_position_embeddings": 128}
    mla = {"q_lora_rank": None, "kv_lora_rank": 32, "qk_nope_head_dim": 16, "qk_rope_head_dim": 8,
           "v_head_dim": 16, "n_routed_experts": 8, "n_shared_experts": 1, "num_experts_per_tok": 2,
           "moe_intermediate_size": 32, "first_k_dense_replace": 1, "n_group": 2, "topk_group": 1,
           "scoring_func": "sigmoid", "topk_method": "noaux_tc", "norm_topk_prob": True,
           "routed_scaling_factor": 2.5, "num_nextn_predict_layers": 1,
           "rope_scaling": {"type": "yarn", "factor": 40, "beta_fast": 32, "beta_slow": 1,
                            "mscale": 1.0, "mscale_all_dim": 1.0,
                            "original_max_position_embeddings": 64}}
    moe = {"head_dim": 16, "num_experts": 8, "num_experts_per_tok": 2, "moe_intermediate_size": 32,
           "norm_topk_prob": True, "decoder_sparse_step": 1, "mlp_only_layers": []}
    for family, more in {
            "LlamaForCausalLM": {"rope_scaling": llama3, "tie_word_embeddings": True},
            "Qwen2ForCausalLM": {"use_sliding_window": False}, "Qwen3ForCausalLM": {"head_dim": 16},
            "Qwen3MoeForCausalLM": moe, "DeepseekV2ForCausalLM": {**mla, "scoring_func": "softmax"},
            "DeepseekV3ForCausalLM": {**mla, "quantization_config": {
                "quant_method": "fp8", "fmt": "e4m3", "weight_block_size": [128, 128]}}}.items():
        write("config", family, text({"architectures": [family], **base, **more}))


def gguf_string(value):
    return struct.pack("<Q", len(value.encode())) + value.encode()


def gguf(metadata, tensors, alignment=32):
    """metadata: (key, type, packed value); tensors: (name, dims, type, bytes)."""
    out = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(metadata))
    for key, kind, value in metadata:
        out += gguf_string(key) + struct.pack("<I", kind) + value
    body = b""
    for name, dims, kind, data in tensors:
        out += gguf_string(name) + struct.pack("<I", len(dims)) + struct.pack(f"<{len(dims)}Q", *dims)
        out += struct.pack("<IQ", kind, len(body))
        body += data + b"\0" * (-len(data) % alignment)
    return out + b"\0" * (-len(out) % alignment) + body


def gguf_seeds():
    words = struct.pack("<IQ", 8, 2) + gguf_string("a") + gguf_string("Ġa")
    types = struct.pack("<IQ", 5, 2) + struct.pack("<ii", 1, 3)
    metadata = [("general.architecture", 8, gguf_string("llama")),
                ("llama.block_count", 4, struct.pack("<I", 1)),
                ("llama.context_length", 4, struct.pack("<I", 64)),
                ("llama.embedding_length", 4, struct.pack("<I", 32)),
                ("llama.attention.head_count", 4, struct.pack("<I", 2)),
                ("llama.attention.layer_norm_rms_epsilon", 6, struct.pack("<f", 1e-5)),
                ("tokenizer.ggml.model", 8, gguf_string("gpt2")),
                ("tokenizer.ggml.tokens", 9, words), ("tokenizer.ggml.token_type", 9, types)]
    write("gguf", "empty", gguf([], []))
    write("gguf", "metadata", gguf(metadata, []))
    write("gguf", "tensors", gguf(metadata, [
        ("token_embd.weight", [32, 2], 8, b"\0" * 68), ("output_norm.weight", [32], 0, b"\0" * 128)]))


def math_seeds():
    write("math", "fraction", "\\frac{1}{2}\0The answer is $0.5$.")
    write("math", "boxes", "1, 2\0\\boxed{2} and \\boxed{1}")
    write("math", "interval", "(-\\infty, 3]\0\\boxed{x \\le 3}")
    write("math", "matrix", "\\begin{pmatrix} 1 & 2 \\\\ 3 & 4 \\end{pmatrix}\0\\boxed{[1, 2]}")
    write("math", "roots", "\\sqrt[3]{-27} \\pm 2\0<answer>3 \\cdot \\sin 30^\\circ</answer>")
    write("math", "units", "12,500\\text{ cm}^2\0\\boxed{1.25e4 square centimeters}")
    write("math", "bomb", "5\0\\boxed{2^(2^(2^20))! \\cup \\{x | x > 10\\%\\}}")
    write("math", "choice", "\\text{(B)}\0It is B, not 0.1\\overline{6}")


def token_file(documents, width):
    ids = b"".join(struct.pack("<H" if width == 2 else "<I", i) for d in documents for i in d)
    begins = [sum(map(len, documents[:i])) for i in range(len(documents) + 1)]
    out = b"r1tokens" + struct.pack("<II", 1, width) + b"0123456789abcdef" * 2
    out += ids + b"\0" * (-len(ids) % 8)
    for n in begins + [10 * len(d) for d in documents] + [begins[-1], len(documents)]:
        out += struct.pack("<Q", n)
    return out + b"snekot1r"


def tokens_seeds():
    write("tokens", "empty", token_file([], 2))
    write("tokens", "narrow", token_file([[1, 2, 3], [], [4]], 2))
    write("tokens", "wide", token_file([[70000], [1, 999, 1000]], 4))


for make in (tokenizer_seeds, jinja_seeds, safetensors_seeds, config_seeds, gguf_seeds, math_seeds,
             tokens_seeds):
    make()
