"""Makes tests/golden/tiny_llama: a random Llama with its logits and the gradient of its SFT loss.

The forward pass is written out here in float64, from the papers, and PyTorch differentiates it; no
code is shared with the C++ sources. Run: python make_tiny_llama.py (needs torch; versions are noted
in expected.json).
"""

import json
import math
import pathlib
import struct
import sys

import torch

CONFIG = {
    "architectures": ["LlamaForCausalLM"],
    "attention_bias": False,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "head_dim": 6,
    "hidden_act": "silu",
    "hidden_size": 20,
    "intermediate_size": 28,
    "max_position_embeddings": 96,
    "mlp_bias": False,
    "model_type": "llama",
    "num_attention_heads": 4,
    "num_hidden_layers": 2,
    "num_key_value_heads": 2,
    "rms_norm_eps": 1e-05,
    "rope_scaling": None,
    "rope_theta": 500.0,
    "tie_word_embeddings": False,
    "torch_dtype": "float32",
    "vocab_size": 31,
}
LENGTHS = [70, 9]  # the first sequence crosses a page of 64 positions
PROMPTS = [5, 3]  # tokens without loss


def shapes():
    C, F, V = CONFIG["hidden_size"], CONFIG["intermediate_size"], CONFIG["vocab_size"]
    q = CONFIG["num_attention_heads"] * CONFIG["head_dim"]
    kv = CONFIG["num_key_value_heads"] * CONFIG["head_dim"]
    yield "model.embed_tokens.weight", (V, C)
    for i in range(CONFIG["num_hidden_layers"]):
        prefix = f"model.layers.{i}."
        yield prefix + "input_layernorm.weight", (C,)
        yield prefix + "self_attn.q_proj.weight", (q, C)
        yield prefix + "self_attn.k_proj.weight", (kv, C)
        yield prefix + "self_attn.v_proj.weight", (kv, C)
        yield prefix + "self_attn.o_proj.weight", (C, q)
        yield prefix + "post_attention_layernorm.weight", (C,)
        yield prefix + "mlp.gate_proj.weight", (F, C)
        yield prefix + "mlp.up_proj.weight", (F, C)
        yield prefix + "mlp.down_proj.weight", (C, F)
    yield "model.norm.weight", (C,)
    yield "lm_head.weight", (V, C)


def make_weights():
    generator = torch.Generator().manual_seed(11)
    weights = {}
    for name, shape in shapes():
        x = torch.randn(shape, generator=generator)
        x = 1.0 + 0.2 * x if len(shape) == 1 else x / math.sqrt(shape[-1])
        weights[name] = x.float()
    return weights


def rmsnorm(x, weight):
    mean_square = (x * x).mean(-1, keepdim=True)
    return x / torch.sqrt(mean_square + CONFIG["rms_norm_eps"]) * weight


def rotate(x):
    """x (T, heads, D): pairs (i, i + D/2) turn by position * theta^(-2i/D)."""
    T, _, D = x.shape
    half = D // 2
    frequency = CONFIG["rope_theta"] ** (-2.0 * torch.arange(half, dtype=torch.float64) / D)
    angle = torch.arange(T, dtype=torch.float64)[:, None, None] * frequency
    a, b = x[..., :half], x[..., half:]
    return torch.cat([a * angle.cos() - b * angle.sin(), b * angle.cos() + a * angle.sin()], -1)


def forward(w, tokens):
    T, D = len(tokens), CONFIG["head_dim"]
    H, Hkv = CONFIG["num_attention_heads"], CONFIG["num_key_value_heads"]
    h = w["model.embed_tokens.weight"][tokens]
    future = torch.ones(T, T, dtype=torch.bool).triu(1)
    for i in range(CONFIG["num_hidden_layers"]):
        p = f"model.layers.{i}."
        x = rmsnorm(h, w[p + "input_layernorm.weight"])
        q = rotate((x @ w[p + "self_attn.q_proj.weight"].T).view(T, H, D))
        k = rotate((x @ w[p + "self_attn.k_proj.weight"].T).view(T, Hkv, D))
        v = (x @ w[p + "self_attn.v_proj.weight"].T).view(T, Hkv, D)
        heads = []
        for head in range(H):
            kv = head // (H // Hkv)
            scores = q[:, head] @ k[:, kv].T / math.sqrt(D)
            heads.append(scores.masked_fill(future, -math.inf).softmax(-1) @ v[:, kv])
        h = h + torch.cat(heads, -1) @ w[p + "self_attn.o_proj.weight"].T
        x = rmsnorm(h, w[p + "post_attention_layernorm.weight"])
        gate, up = x @ w[p + "mlp.gate_proj.weight"].T, x @ w[p + "mlp.up_proj.weight"].T
        h = h + (gate * torch.sigmoid(gate) * up) @ w[p + "mlp.down_proj.weight"].T
    return rmsnorm(h, w["model.norm.weight"]) @ w["lm_head.weight"].T


def write_safetensors(path, weights):
    header, offset = {}, 0
    for name, x in weights.items():
        n = x.numel() * 4
        place = [offset, offset + n]
        header[name] = {"dtype": "F32", "shape": list(x.shape), "data_offsets": place}
        offset += n
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    body = b"".join(struct.pack(f"<{x.numel()}f", *x.flatten().tolist()) for x in weights.values())
    path.write_bytes(struct.pack("<Q", len(text)) + text + body)


def rounded(x, digits):
    return [float(f"{v:.{digits}g}") for v in x.detach().flatten().tolist()]


def main():
    folder = pathlib.Path(__file__).parent / "tiny_llama"
    folder.mkdir(exist_ok=True)
    weights = make_weights()
    w = {name: x.double().requires_grad_() for name, x in weights.items()}
    tokens = [[(7 * t * t + 3 * t + 5 * s) % CONFIG["vocab_size"] for t in range(n)]
              for s, n in enumerate(LENGTHS)]
    logits, losses = [], []
    for ids, prompt in zip(tokens, PROMPTS):
        z = forward(w, torch.tensor(ids))
        logits.append(z)
        logp = z.log_softmax(-1)
        losses += [-logp[t - 1, ids[t]] for t in range(prompt, len(ids))]
    loss = torch.stack(losses).mean()
    loss.backward()
    (folder / "config.json").write_text(json.dumps(CONFIG, indent=2) + "\n")
    write_safetensors(folder / "model.safetensors", weights)
    expected = {
        "made_by": f"make_tiny_llama.py, python {sys.version.split()[0]}, "
                   f"torch {torch.__version__}, float64",
        "tokens": tokens,
        "prompt_lengths": PROMPTS,
        "logits": [rounded(z, 8) for z in logits],
        "mean_nll": loss.item(),
        "gradients": {name: rounded(x.grad, 7) for name, x in w.items()},
    }
    (folder / "expected.json").write_text(json.dumps(expected, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
