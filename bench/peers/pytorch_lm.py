#!/usr/bin/env python3
"""The quickstart model in plain PyTorch, tuned: what `r1` is measured against.

Prints one JSON line: median tokens/s of a training step and of sampling with a KV cache, for every
setting that works here (threads x eager or torch.compile), and the best of eager and of compile.

  python3 bench/peers/pytorch_lm.py                 # the quickstart model, libraries tuned
  python3 bench/peers/pytorch_lm.py --as_installed  # as a user gets them
  python3 bench/peers/pytorch_lm.py --d_model 512 --n_layers 8 --n_heads 8 --n_kv_heads 2 \\
      --d_ff 1536 --vocab 4096

What was tuned, all of it in PyTorch's favour:
  - BLAS kernels and vector code that fit the processor, a heap that keeps its pages;
  - q, k, v in one product, gate and up in one product;
  - fused rms_norm, attention and AdamW where the version has them;
  - eager mode: rotary embedding as one complex product (pairs are neighbours instead of halves:
    the same model up to a permutation of the weights, and fewer operations);
  - sampling: inference_mode, a cache allocated once, grouped keys not copied, a draw by
    argmax(p / e) instead of multinomial.
"""
import argparse
import json
import math
import platform
import random
import statistics
import sys
import time

from tuned import cpu_info, start_tuned

if __name__ == "__main__":
    start_tuned()

import torch  # noqa: E402
import torch.nn.functional as F  # noqa: E402

HAS_SDPA = hasattr(F, "scaled_dot_product_attention")
HAS_GQA = HAS_SDPA and "enable_gqa" in (F.scaled_dot_product_attention.__doc__ or "")


def rms_norm(x, weight, eps=1e-6):
    if hasattr(F, "rms_norm"):
        return F.rms_norm(x, weight.shape, weight, eps)
    return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + eps) * weight


def attention(q, k, v, mask, causal):
    """q (B, H, T, D), k and v (B, Hkv, S, D) -> (B, H, T, D)"""
    grouped = q.shape[1] != k.shape[1]
    if grouped and not HAS_GQA:
        k, v = (x.repeat_interleave(q.shape[1] // x.shape[1], 1) for x in (k, v))
    if HAS_SDPA:
        extra = {"enable_gqa": True} if grouped and HAS_GQA else {}
        return F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=causal, **extra)
    scores = q @ k.transpose(-1, -2) * (1 / math.sqrt(q.shape[-1]))
    if causal:
        mask = torch.full(scores.shape[-2:], -math.inf).triu(1)
    return (scores if mask is None else scores + mask).softmax(-1) @ v


class Block(torch.nn.Module):
    def __init__(self, c):
        super().__init__()
        matrix = lambda rows, cols: torch.nn.Parameter(torch.randn(rows, cols) / math.sqrt(cols))
        self.c = c
        self.norm1 = torch.nn.Parameter(torch.ones(c.d_model))
        self.norm2 = torch.nn.Parameter(torch.ones(c.d_model))
        self.qkv = matrix((c.n_heads + 2 * c.n_kv_heads) * c.head_dim, c.d_model)
        self.out = matrix(c.d_model, c.n_heads * c.head_dim)
        self.gate_up = matrix(2 * c.d_ff, c.d_model)
        self.down = matrix(c.d_model, c.d_ff)

    def forward(self, x, rope, cache, position, mask):
        """x (B, T, C); cache: keys and values (B, Hkv, T_max, D) written at position, or None"""
        c = self.c
        B, T, _ = x.shape
        heads = F.linear(rms_norm(x, self.norm1), self.qkv).view(B, T, -1, c.head_dim)
        n_roped = c.n_heads + c.n_kv_heads
        roped = apply_rope(heads[:, :, :n_roped], rope).transpose(1, 2)
        q, k = roped[:, :c.n_heads], roped[:, c.n_heads:]
        v = heads[:, :, n_roped:].transpose(1, 2)
        if cache is not None:
            keys, values = cache
            if isinstance(position, int):
                keys[:, :, position:position + T] = k
                values[:, :, position:position + T] = v
                k, v = keys[:, :, :position + T], values[:, :, :position + T]
            else:  # a tensor: all of the cache, under a mask, so that compiled shapes never change
                k = keys.index_copy_(2, position, k)
                v = values.index_copy_(2, position, v)
        a = attention(q, k, v, mask, causal=mask is None and T > 1)
        x = x + F.linear(a.transpose(1, 2).reshape(B, T, -1), self.out)
        gate, up = F.linear(rms_norm(x, self.norm2), self.gate_up).chunk(2, -1)
        return x + F.linear(F.silu(gate) * up, self.down)


def apply_rope(x, rope):
    """x (B, T, heads, D); rope: complex (T, 1, D/2), or cos and sin (T, 1, D/2)"""
    if torch.is_tensor(rope):
        pairs = torch.view_as_complex(x.unflatten(-1, (-1, 2)))
        return torch.view_as_real(pairs * rope).flatten(-2)
    cos, sin = rope
    a, b = x.chunk(2, -1)
    return torch.cat((a * cos - b * sin, b * cos + a * sin), -1)


class Model(torch.nn.Module):
    def __init__(self, c, n_positions, complex_rope):
        super().__init__()
        self.c = c
        self.embedding = torch.nn.Parameter(torch.randn(c.vocab, c.d_model) * 0.05)
        self.head = None if c.tied else torch.nn.Parameter(torch.randn(c.vocab, c.d_model) * 0.05)
        self.blocks = torch.nn.ModuleList([Block(c) for _ in range(c.n_layers)])
        self.norm = torch.nn.Parameter(torch.ones(c.d_model))
        frequency = 1000.0 ** (-torch.arange(0, c.head_dim, 2).float() / c.head_dim)
        angle = (torch.arange(n_positions).float()[:, None] * frequency)[:, None]
        self.rope = (angle.cos(), angle.sin())
        if complex_rope:
            self.rope = torch.complex(*self.rope)

    def rope_at(self, index):
        if torch.is_tensor(self.rope):
            return self.rope[index]
        return tuple(x[index] for x in self.rope)

    def forward(self, ids, cache=None, position=0, mask=None, last_only=False):
        T = ids.shape[1]
        is_start = isinstance(position, int)
        rope = self.rope_at(slice(position, position + T) if is_start else position)
        x = F.embedding(ids, self.embedding)
        for i, block in enumerate(self.blocks):
            x = block(x, rope, None if cache is None else cache[i], position, mask)
        if last_only:
            x = x[:, -1:]
        return F.linear(rms_norm(x, self.norm), self.embedding if self.head is None else self.head)


def median_seconds(run, n_runs, seconds):
    """Median time of a call, of at least n_runs calls and as many as fit into `seconds`."""
    times, end = [], time.perf_counter() + seconds
    while len(times) < n_runs or time.perf_counter() < end:
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return statistics.median(times), len(times)


def compiled(function, mode):
    if mode == "eager":
        return function
    torch._dynamo.reset()
    return torch.compile(function, dynamic=False)


def measure_training(c, batch, mode, args):
    """One optimiser step: forward, cross-entropy, backward, clip, AdamW on a padded batch."""
    chance = random.Random(1)
    lengths = [chance.randint(args.min_length, args.max_length) for _ in range(batch)]
    width = max(lengths)
    torch.manual_seed(1)
    ids = torch.randint(0, c.vocab, (batch, width))
    targets = torch.randint(0, c.vocab, (batch, width))
    for row, length in enumerate(lengths):
        targets[row, length:] = -100
    model = Model(c, width, complex_rope=mode == "eager")
    parameters = list(model.parameters())
    options = {"lr": 1e-3, "betas": (0.9, 0.95), "weight_decay": 0.0}
    try:
        optimizer = torch.optim.AdamW(parameters, fused=True, **options)
    except (RuntimeError, TypeError):
        optimizer = torch.optim.AdamW(parameters, foreach=True, **options)

    def loss_of(ids, targets):
        logits = model(ids)
        return F.cross_entropy(logits.view(-1, c.vocab), targets.view(-1), ignore_index=-100)

    loss_of = compiled(loss_of, mode)

    def step():
        loss_of(ids, targets).backward()
        if args.clip > 0:
            torch.nn.utils.clip_grad_norm_(parameters, args.clip)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    for _ in range(3):
        step()
    seconds, n_runs = median_seconds(step, args.runs, args.seconds)
    return {"real_tokens_per_s": round(sum(lengths) / seconds),
            "padded_tokens_per_s": round(batch * width / seconds),
            "step_ms": round(seconds * 1e3, 3), "runs": n_runs}


def draw(logits, temperature):
    """One token a row: argmax(p / e) with e ~ Exp(1) draws from p, cheaper than multinomial."""
    p = (logits if temperature == 1 else logits / temperature).softmax(-1)
    return (p / torch.empty_like(p).exponential_(1)).argmax(-1)


def measure_sampling(c, mode, args):
    """Prefill of the prompts, then new_tokens - 1 steps of one token for every sequence."""
    total = args.prompt + args.new_tokens
    torch.manual_seed(1)
    model = Model(c, total, complex_rope=mode == "eager").eval()
    prompts = torch.randint(0, c.vocab, (args.sequences, args.prompt))
    shape = (args.sequences, c.n_kv_heads, total, c.head_dim)
    cache = [(torch.zeros(shape), torch.zeros(shape)) for _ in range(c.n_layers)]
    out = torch.empty(args.sequences, args.new_tokens, dtype=torch.long)
    visible = torch.ones(total, total).tril().log()  # 0 or -inf; a row is the mask of one position

    def decode(ids, position):
        mask = visible[position][None, None] if torch.is_tensor(position) else None
        logits = model(ids, cache, position, mask)
        return draw(logits[:, -1], args.temperature)

    decode = compiled(decode, mode)
    where = (lambda t: t) if mode == "eager" else (lambda t: torch.tensor([t]))

    @torch.inference_mode()
    def sample():
        token = draw(model(prompts, cache, 0, last_only=True)[:, -1], args.temperature)
        out[:, 0] = token
        for n in range(1, args.new_tokens):
            token = decode(token[:, None], where(args.prompt + n - 1))
            out[:, n] = token

    sample()
    seconds, n_runs = median_seconds(sample, args.runs, args.seconds)
    return {"tokens_per_s": round(args.sequences * args.new_tokens / seconds),
            "run_ms": round(seconds * 1e3, 2), "runs": n_runs}


def parse_args():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    sizes = {"d_model": 96, "n_layers": 3, "n_heads": 6, "n_kv_heads": 2, "d_ff": 256, "vocab": 70,
             "min_length": 60, "max_length": 110, "sequences": 64, "prompt": 25, "new_tokens": 100,
             "runs": 5}
    for name, default in sizes.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--as_installed", action="store_true", help="tune no library")
    parser.add_argument("--untied", action="store_true", help="a head apart from the embedding")
    parser.add_argument("--batches", default="12,48",
                        help="sequences in a training step; 12 are about 1024 real tokens")
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--modes", default="eager,compile")
    parser.add_argument("--seconds", type=float, default=2.0, help="of each setting, at least")
    parser.add_argument("--temperature", type=float, default=1.0)
    parser.add_argument("--clip", type=float, default=1.0, help="gradient norm; 0: no clipping")
    args = parser.parse_args()
    args.n_kv_heads = args.n_kv_heads or args.n_heads
    args.head_dim, args.tied = args.d_model // args.n_heads, not args.untied
    return args


def try_settings(measure, rate, args):
    """Every threads x mode that works here, by name, and the best of them."""
    found = {}
    for threads in map(int, args.threads.split(",")):
        torch.set_num_threads(threads)
        for mode in args.modes.split(","):
            if mode != "eager" and not hasattr(torch, "compile"):
                continue
            name = f"{mode}_{threads}_threads"
            try:
                found[name] = measure(mode)
            except Exception as error:  # a mode that is lacking here is a finding, not a failure
                found[name] = {"error": (str(error).strip() or "?").splitlines()[0][:200], rate: 0}
            print(f"{name}: {found[name]}", file=sys.stderr)
    report = {"settings": found}
    for mode in args.modes.split(","):
        names = [name for name in found if name.startswith(mode + "_")]
        if names:
            best = max(names, key=lambda name: found[name][rate])
            report[f"best_{mode}"] = {"setting": best, rate: found[best][rate]}
    return report


def main():
    args = parse_args()
    report = {"peer": "pytorch", "version": torch.__version__, "python": platform.python_version(),
              "cpu": cpu_info("model name"),
              "libraries": "as installed" if args.as_installed else "tuned",
              "parameters": sum(p.numel() for p in Model(args, 8, True).parameters()),
              "config": {name: getattr(args, name) for name in
                         ("d_model", "n_layers", "n_heads", "n_kv_heads", "d_ff", "vocab", "tied")}}
    for batch in map(int, args.batches.split(",")):
        report[f"train_batch_{batch}"] = try_settings(
            lambda mode: measure_training(args, batch, mode, args), "real_tokens_per_s", args)
    report[f"sample_{args.sequences}"] = try_settings(
        lambda mode: measure_sampling(args, mode, args), "tokens_per_s", args)
    print(json.dumps(report))


if __name__ == "__main__":
    main()
