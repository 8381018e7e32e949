"""Multi-token prediction in plain PyTorch: what tests/train/mtp_test.cpp compares with.

    python make_mtp.py [--out FOLDER]     needs torch, transformers 5, safetensors

transformers has no such modules: they are written here after DeepSeek-V3, section 2.2, around its
decoder layer, in float64. deepseek_v3 (depth 1) is a folder of make_golden.py; deepseek_v3_mtp2
(depth 2) is made here. Each gets
  mtp_expected.safetensors   logits.K (T - 1 - K, V) of depth K of sequence 0; grad.NAME
  mtp_expected.json          the loss, CE_K of each depth, hits (targets that are the likeliest token)
The loss is the mean over the T - 1 rows of sequence 0 of -log p(next token) + LAMBDA / D * sum_K
CE_K, where CE_K is the sum over the T - 1 - K rows of depth K, divided by T - 1 all the same.
"""

import argparse
import json
import pathlib

import torch
import transformers
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoModelForCausalLM
from transformers.models.deepseek_v3.modeling_deepseek_v3 import (DeepseekV3DecoderLayer,
                                                                  DeepseekV3RMSNorm)

from golden_configs import FIXTURES
from make_golden import (MIN_GAP, RouterWatch, mtp_tensors, new_model, per_expert, save_folder,
                         write_json)

LAMBDA = 0.3


class Module(torch.nn.Module):
    def __init__(self, config, layer):
        super().__init__()
        C, eps = config.hidden_size, config.rms_norm_eps
        self.enorm, self.hnorm = DeepseekV3RMSNorm(C, eps), DeepseekV3RMSNorm(C, eps)
        self.eh_proj = torch.nn.Linear(2 * C, C, bias=False)
        self.norm = DeepseekV3RMSNorm(C, eps)
        self.block = DeepseekV3DecoderLayer(config, layer)

    def forward(self, e, h, rotary):
        x = self.eh_proj(torch.cat([self.enorm(e), self.hnorm(h)], dim=-1))
        T = x.shape[1]
        at = torch.arange(T)[None]
        mask = torch.full((T, T), float("-inf"), dtype=x.dtype).triu(1)[None, None]
        return self.block(x, attention_mask=mask, position_ids=at,
                          position_embeddings=rotary(x, at))


def fused(weights, prefix):
    """One module's tensors under the names of Module, experts as transformers 5 keeps them."""
    own = {n[len(prefix):]: x for n, x in weights.items() if n.startswith(prefix)}
    out, experts = {}, {}
    for name, x in own.items():
        head, found, rest = name.partition("mlp.experts.")
        if found:
            number, projection, _ = rest.split(".")
            experts.setdefault(projection, {})[int(number)] = x
        elif name in ("enorm.weight", "hnorm.weight", "eh_proj.weight"):
            out[name] = x
        elif name == "shared_head.norm.weight":
            out["norm.weight"] = x
        elif name not in ("embed_tokens.weight", "shared_head.head.weight"):
            out["block." + name] = x
    order = range(len(experts["gate_proj"]))
    out["block.mlp.experts.gate_up_proj"] = torch.stack(
        [torch.cat([experts["gate_proj"][e], experts["up_proj"][e]]) for e in order])
    out["block.mlp.experts.down_proj"] = torch.stack([experts["down_proj"][e] for e in order])
    return out


def hub_names(grads, prefix):
    names = {"norm.weight": "shared_head.norm.weight"}
    return {prefix + names.get(n, n.removeprefix("block.")): g for n, g in grads.items()}


def measure(folder, ids):
    config = AutoConfig.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(
        folder, attn_implementation="eager", experts_implementation="eager",
        dtype=torch.float32).double()
    config = model.config
    weights = load_file(folder / "model.safetensors")
    raw = json.loads((folder / "config.json").read_text())
    L, D = raw["num_hidden_layers"], raw["num_nextn_predict_layers"]
    modules = []
    for k in range(D):
        module = Module(config, L - 1).double()
        module.load_state_dict({n: x.double() for n, x in
                                fused(weights, f"model.layers.{L + k}.").items()})
        modules.append(module.eval())
    watch = RouterWatch(torch.nn.ModuleList(modules), raw)
    ids = torch.tensor([ids])
    n = ids.shape[1] - 1
    h = model.model(ids[:, :n]).last_hidden_state  # after the final norm
    nll = torch.nn.functional.cross_entropy
    loss = nll(model.lm_head(h)[0], ids[0, 1:])
    logits, ces, hits = {}, [], []
    for k, module in enumerate(modules, start=1):
        h = module(model.model.embed_tokens(ids[:, k:n]), h[:, :n - k], model.model.rotary_emb)
        z = model.lm_head(module.norm(h))[0]
        logits[f"logits.{k}"] = z.detach().float().contiguous()
        ce = nll(z, ids[0, k + 1:], reduction="sum") / n
        ces.append(ce.item())
        hits.append((z.argmax(-1) == ids[0, k + 1:]).sum().item())
        loss = loss + LAMBDA / D * ce
    loss.backward()
    grads = {n: p.grad for n, p in model.named_parameters() if p.grad is not None}
    for k, module in enumerate(modules):
        grads |= hub_names({n: p.grad for n, p in module.named_parameters()
                            if p.grad is not None}, f"model.layers.{L + k}.")
    routing = watch.close()
    grads = {"grad." + n: g.float() for n, g in per_expert(grads).items()}
    return logits | grads, {"loss": loss.item(), "ce": ces, "hits": hits, "lambda": LAMBDA,
                            "min_gap": routing["min_gap"], "torch": torch.__version__,
                            "transformers": transformers.__version__}


def expect(folder, ids):
    tensors, facts = measure(folder, ids)
    save_file(tensors, folder / "mtp_expected.safetensors")
    write_json(folder / "mtp_expected.json", facts | {"tokens": ids}, indent=None)
    for file in folder.iterdir():
        file.chmod(0o644)
    print(folder.name, {k: v for k, v in facts.items()}, flush=True)
    return facts["min_gap"]


def make_two(out, ids):
    raw = FIXTURES["deepseek_v3"] | {"num_nextn_predict_layers": 2, "n_routed_experts": 6,
                                     "n_group": 1, "topk_group": 1}
    folder = out / "deepseek_v3_mtp2"
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "config.json", raw)
    config = AutoConfig.from_pretrained(folder)
    for seed in range(1, 1000):
        model = new_model(config, seed)
        save_folder(folder, "deepseek_v3_mtp2", raw, model, seed)
        (folder / "other_config.json").unlink()
        if expect(folder, ids) > MIN_GAP:
            return


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path(__file__).parent)
    out = parser.parse_args().out
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    one = out / "deepseek_v3"
    ids = json.loads((one / "expected.json").read_text())["tokens"][0]
    expect(one, ids)
    make_two(out, ids[:40])


if __name__ == "__main__":
    main()
