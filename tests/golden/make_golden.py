"""Makes the folders of tests/golden: tiny random models of every family, with what Hugging Face
transformers computes from them in float32.

    python make_golden.py [FAMILY ...] [--out FOLDER]     needs torch, transformers 5, safetensors

A folder holds, for one model of golden_configs.py:
  config.json, model.safetensors   as on the hub: old style names, one tensor an expert
  other_config.json                the same as transformers 5 saves it, or the other way round
  expected.json                    versions, seed, token sequences, loss, how safe the routing is
  expected.safetensors             logits.S (T, V) of sequence S; grad.NAME of every parameter
The loss is the mean over t = 1 .. T-1 of -log p(token t | tokens 0 .. t-1) of sequence 0; the
gradients are of that loss. The tensors model.layers.L.* of deepseek_v3, its multi-token prediction
block, take no part in either.

Routing: a seed is taken only if, for every token, the last expert (and group) chosen beats the
first refused by more than MIN_GAP, so that rounding cannot change the choice, and every expert has
a gradient. All biased scores z = s + b are kept positive: versions of transformers differ on
whether refused groups are masked with 0 or -inf, which is the same thing only then.
"""

import argparse
import copy
import json
import pathlib
import platform
import shutil
import tempfile

import safetensors
import torch
import transformers
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoModelForCausalLM

from golden_configs import FIXTURES, SAVED_BY_TRANSFORMERS, TOKEN_LENGTHS, VOCAB

MIN_GAP = 1e-3
LOSS = "mean over t = 1 .. T-1 of -log p(token t | tokens before t), sequence 0"


def write_json(path, value, indent=2):
    path.write_text(json.dumps(value, indent=indent, sort_keys=True) + "\n")


def draw(name, shape, generator):
    x = torch.randn(shape, generator=generator)
    if name.endswith("e_score_correction_bias"):
        return 0.02 + 0.3 * torch.rand(shape, generator=generator)
    if "norm" in name:
        return 1.0 + 0.2 * x
    return x * (0.4 if name.endswith("mlp.gate.weight") else 0.2)


def new_model(config, seed):
    model = AutoModelForCausalLM.from_config(config, attn_implementation="eager",
                                             experts_implementation="eager", dtype=torch.float32)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, weight in sorted(model.named_parameters()):
            weight.copy_(draw(name, weight.shape, generator))
        for name, buffer in sorted(model.named_buffers()):
            if name.endswith("e_score_correction_bias"):
                buffer.copy_(draw(name, buffer.shape, generator))
    return model.eval()


class RouterWatch:
    """Sees what enters each router and measures by how much its choices were made."""

    def __init__(self, model, raw):
        self.raw, self.min_gap, self.min_z, self.moved, self.n = raw, 9.0, 9.0, 0, 0
        self.hooks = [m.register_forward_hook(self.look) for m in model.modules()
                      if type(m).__name__.lower().endswith("topkrouter")]

    @staticmethod
    def gap(scores, k):
        best = scores.sort(-1, descending=True).values
        return (best[:, k - 1] - best[:, k]).min().item() if k < best.shape[1] else 9.0

    def look(self, router, args, output):
        x = args[0].detach().reshape(-1, router.weight.shape[1]).double()
        s = x @ router.weight.detach().double().T
        s = s.sigmoid() if self.raw.get("scoring_func") == "sigmoid" else s.softmax(-1)
        K, G, keep = self.raw["num_experts_per_tok"], 1, 1
        bias = getattr(router, "e_score_correction_bias", None)
        z = s if bias is None else s + bias.double()
        self.min_z = min(self.min_z, z.min().item())
        if self.raw.get("topk_method") in ("group_limited_greedy", "noaux_tc"):
            G, keep = self.raw["n_group"], self.raw["topk_group"]
            in_groups = z.view(len(z), G, -1)
            group = in_groups.topk(2).values.sum(-1) if bias is not None else in_groups.amax(-1)
            self.min_gap = min(self.min_gap, self.gap(group, keep))
            refused = torch.ones_like(group).scatter(1, group.topk(keep).indices, 0.0).bool()
            z = in_groups.masked_fill(refused[..., None], float("-inf")).flatten(1)
        self.min_gap = min(self.min_gap, self.gap(z, K))
        chosen = z.topk(K).indices.sort().values
        same = torch.equal(chosen, output[2].sort().values)
        assert same or self.min_gap < 1e-5, "the referee routes by another rule"
        plain = s.topk(K).indices.sort().values
        self.moved += (chosen != plain).any(-1).sum().item()
        self.n += len(z)

    def close(self):
        for hook in self.hooks:
            hook.remove()
        return None if not self.hooks else {
            "min_gap": self.min_gap, "min_biased_score": self.min_z,
            "rows": self.n, "rows_moved_by_groups_or_bias": self.moved}


def per_expert(tensors):
    """Hub names: transformers 5 keeps experts fused, (E, 2F, C) and (E, C, F)."""
    split = {}
    for name, x in tensors.items():
        prefix, found, which = name.partition(".experts.")
        if not found:
            split[name] = x
            continue
        for e, part in enumerate(x):
            halves = part.chunk(2) if which == "gate_up_proj" else [part]
            names = ["gate_proj", "up_proj"] if which == "gate_up_proj" else ["down_proj"]
            for half_name, half in zip(names, halves):
                split[f"{prefix}.experts.{e}.{half_name}.weight"] = half
    return {name: x.detach().clone().contiguous() for name, x in split.items()}


def measure(model, sequences):
    """Logits of every sequence; loss and gradients of the first."""
    model.zero_grad(set_to_none=True)
    with torch.no_grad():
        logits = [model(torch.tensor([ids])).logits[0] for ids in sequences]
    z = model(torch.tensor([sequences[0]])).logits[0]
    loss = torch.nn.functional.cross_entropy(z[:-1], torch.tensor(sequences[0][1:]))
    loss.backward()
    grads = per_expert({n: p.grad for n, p in model.named_parameters() if p.grad is not None})
    return logits, loss.item(), grads


def usable(model, raw, sequences):
    """What expected.json says of the routing, or False if another seed is needed."""
    watch = RouterWatch(model, raw)
    with torch.no_grad():
        for ids in sequences:
            model(torch.tensor([ids]))
    routing = watch.close()
    if routing and (routing["min_gap"] <= MIN_GAP or routing["min_biased_score"] <= 0):
        return False
    _, _, grads = measure(model, sequences)
    hub = per_expert(dict(model.named_parameters()))
    return routing if all(n in grads and grads[n].abs().max() > 0 for n in hub) else False


def mtp_tensors(saved, raw, seed):
    """The blocks of multi-token prediction: like the last layer, and what joins them to the model."""
    L, C = raw["num_hidden_layers"], raw["hidden_size"]
    last, tensors = f"model.layers.{L - 1}.", {}
    for k in range(raw["num_nextn_predict_layers"]):
        new = f"model.layers.{L + k}."
        shapes = {new + n[len(last):]: x.shape for n, x in saved.items() if n.startswith(last)}
        shapes |= {new + "enorm.weight": (C,), new + "hnorm.weight": (C,),
                   new + "eh_proj.weight": (C, 2 * C), new + "shared_head.norm.weight": (C,),
                   new + "shared_head.head.weight": (VOCAB, C),
                   new + "embed_tokens.weight": (VOCAB, C)}
        generator = torch.Generator().manual_seed(seed + 1 + k)
        tensors |= {name: draw(name, shape, generator) for name, shape in sorted(shapes.items())}
        # embedding and head are the model's own, repeated
        tensors[new + "embed_tokens.weight"] = saved["model.embed_tokens.weight"].clone()
        tensors[new + "shared_head.head.weight"] = saved["lm_head.weight"].clone()
    return tensors


def save_folder(folder, name, raw, model, seed):
    """The Hugging Face folder, loaded again to see that its names are the hub's."""
    model.save_pretrained(folder)
    weights = load_file(folder / "model.safetensors")
    state = {n: x for n, x in per_expert(model.state_dict()).items()
             if not (n == "lm_head.weight" and raw["tie_word_embeddings"])}
    assert weights.keys() == state.keys(), weights.keys() ^ state.keys()
    assert all(torch.equal(weights[n], state[n]) for n in state)
    if raw.get("num_nextn_predict_layers"):
        weights |= mtp_tensors(weights, raw, seed)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    saved = json.loads((folder / "config.json").read_text())
    ours = name in SAVED_BY_TRANSFORMERS
    write_json(folder / "config.json", saved if ours else raw)
    write_json(folder / "other_config.json", raw if ours else saved)
    (folder / "generation_config.json").unlink(missing_ok=True)
    return {"config": "transformers 5" if ours else "hub"}


def largest_gap(a, b):
    return max((x.double() - y.double()).abs().max().item() for x, y in zip(a, b))


def make(name, out):
    raw, folder = FIXTURES[name], out / name
    with tempfile.TemporaryDirectory() as scratch:
        write_json(pathlib.Path(scratch) / "config.json", raw)
        config = AutoConfig.from_pretrained(scratch)
    generator = torch.Generator().manual_seed(2026)
    sequences = [torch.randint(VOCAB, (n,), generator=generator).tolist() for n in TOKEN_LENGTHS]
    for seed in range(1, 20000):
        model = new_model(copy.deepcopy(config), seed)
        routing = usable(model, raw, sequences)
        if routing is not False:
            break
    logits, loss, grads = measure(model, sequences)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    style = save_folder(folder, name, raw, model, seed)
    for config_name in ("config.json", "other_config.json"):
        again = AutoModelForCausalLM.from_pretrained(
            folder, config=AutoConfig.from_pretrained(folder / config_name),
            attn_implementation="eager", experts_implementation="eager", dtype=torch.float32)
        assert largest_gap(logits, measure(again, sequences)[0]) == 0, config_name
    exact_logits, _, exact_grads = measure(model.double(), sequences)
    save_file({f"logits.{i}": z.contiguous() for i, z in enumerate(logits)} |
              {f"grad.{n}": g for n, g in grads.items()}, folder / "expected.safetensors")
    write_json(folder / "expected.json", {
        "made_by": {"script": "make_golden.py", "python": platform.python_version(),
                    "torch": torch.__version__, "transformers": transformers.__version__,
                    "safetensors": safetensors.__version__, "dtype": "float32, eager"},
        "seed": seed, "style": style, "loss_is": LOSS, "loss": loss, "routing": routing,
        "referee_against_float64": {
            "logits_max_abs": largest_gap(logits, exact_logits),
            "gradients_max_relative": max(
                ((g - exact_grads[n]).abs().max() / exact_grads[n].abs().max()).item()
                for n, g in grads.items())},
        "tokens": sequences,
    }, indent=None)
    for file in folder.iterdir():
        file.chmod(0o644)
    size = sum(f.stat().st_size for f in folder.iterdir())
    assert size < 300_000, f"{name}: {size} bytes"
    print(f"{name}: seed {seed}, {size} bytes, loss {loss:.6f}, routing {routing}, "
          f"torch {torch.__version__}, transformers {transformers.__version__}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("families", nargs="*", default=[], help="default: all")
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path(__file__).parent)
    args = parser.parse_args()
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    for name in args.families or FIXTURES:
        make(name, args.out)


if __name__ == "__main__":
    main()
