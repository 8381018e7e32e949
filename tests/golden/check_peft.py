"""Whether an adapter that r1 wrote means the same to PEFT.

    check_peft.py BASE ADAPTER [--make] [--r1 build/r1] [--ids 5,6,7] [--max_tokens 12]

Loads BASE with Hugging Face transformers and ADAPTER on top with PEFT, all in float32, and compares
the logits after the prompt and the log-probabilities of a greedy continuation with those of
`r1 generate --model BASE --adapter ADAPTER --json`. --make: PEFT writes the adapter first (all
linear layers, rank 3, rank-stabilised, random halves), and r1 must read it. Needs torch, transformers and peft; the figures
in docs/lora.md were made with 2.15, 5.23 and 0.21.2.
"""

import argparse
import json
import subprocess
import sys
import warnings

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM


def generate(args):
    command = [args.r1, "generate", "--model", args.base, "--adapter", args.adapter, "--ids", args.ids,
               "--max_tokens", str(args.max_tokens), "--temperature", "0", "--ignore_eos", "--json",
               "--logits", "--dtype", "f32"]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


def load(folder):
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32,
                                                attn_implementation="eager",
                                                experts_implementation="eager").eval()


def make(base, adapter):
    torch.manual_seed(1)
    config = LoraConfig(r=3, lora_alpha=5, target_modules="all-linear", use_rslora=True,
                        init_lora_weights=False, task_type="CAUSAL_LM")
    get_peft_model(load(base), config).save_pretrained(adapter)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("base")
    parser.add_argument("adapter")
    parser.add_argument("--make", action="store_true")
    parser.add_argument("--r1", default="build/r1")
    parser.add_argument("--ids", default="5,6,7,8,9,10,11")
    parser.add_argument("--max_tokens", type=int, default=12)
    args = parser.parse_args()

    if args.make:
        make(args.base, args.adapter)
    ours = generate(args)
    base = load(args.base)
    prompt = ours["prompt_ids"]
    done = ours["completions"][0]
    ids = torch.tensor([prompt + done["ids"]])
    with torch.no_grad():
        plain = base(ids).logits[0]
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            model = PeftModel.from_pretrained(base, args.adapter).eval()
        logits = model(ids).logits[0]
    for warning in caught:
        if "adapter keys" in str(warning.message):
            sys.exit(f"PEFT left tensors out: {warning.message}")
    n = len(prompt)
    logp = torch.log_softmax(logits[n - 1:-1].double(), -1).gather(1, ids[0, n:, None])[:, 0]
    error = (logits[n - 1] - torch.tensor(ours["logits"])).abs().max().item()
    logp_error = (logp - torch.tensor(done["logprobs"])).abs().max().item()
    n_loaded = sum(".lora_A." in name for name, _ in model.named_parameters())
    effect = (logits - plain).abs().max().item()
    print(f"{args.adapter}: {n_loaded} modules adapted, which moves logits by {effect:.3f}; "
          f"r1 and PEFT differ by {error:.2e} in logits and {logp_error:.2e} in log-probabilities")
    if max(error, logp_error) > 1e-4 or effect == 0:
        sys.exit("more than 1e-4, or no effect")


if __name__ == "__main__":
    main()
