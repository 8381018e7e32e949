"""Loads a folder that r1 wrote with Hugging Face transformers and compares it with the fixture
that it was made from: tensors byte for byte, logits number for number. By hand, for example:

    r1 convert tests/golden/deepseek_v3 copy
    python tests/golden/check_with_transformers.py deepseek_v3 copy [--tolerance 1e-4]

By way of GGUF (needs a tokenizer in the folder; the file leaves MTP blocks out unless --keep_mtp):

    r1 convert FOLDER copy.gguf --dtype f32 && r1 convert copy.gguf copy

Needs torch, transformers 5, safetensors. Exit status 1 when the logits differ by more than the
tolerance.
"""

import argparse
import json
import pathlib
import sys

import torch
import transformers
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

GOLDEN = pathlib.Path(__file__).parent


def all_tensors(folder):
    tensors = {}
    for shard in sorted(folder.glob("model*.safetensors")):
        tensors |= load_file(shard)
    return tensors


def compare_tensors(before, after):
    for name in sorted(before.keys() | after.keys()):
        if name not in before or name not in after:
            yield f"{name}: only in {'the fixture' if name in before else 'the folder'}"
        elif before[name].shape != after[name].shape:
            yield f"{name}: {tuple(before[name].shape)} became {tuple(after[name].shape)}"
        elif before[name].dtype != after[name].dtype:
            yield f"{name}: {before[name].dtype} became {after[name].dtype}"
        elif not torch.equal(before[name], after[name]):
            worst = (before[name].float() - after[name].float()).abs().max().item()
            yield f"{name}: differs by up to {worst:.3g}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("fixture", help="a folder of tests/golden, by name")
    parser.add_argument("folder", type=pathlib.Path, help="what r1 wrote")
    parser.add_argument("--tolerance", type=float, default=1e-4, help="of logits")
    args = parser.parse_args()
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    fixture = GOLDEN / args.fixture
    differences = list(compare_tensors(all_tensors(fixture), all_tensors(args.folder)))
    for line in differences:
        print(line)
    model = AutoModelForCausalLM.from_pretrained(args.folder, attn_implementation="eager",
                                                 experts_implementation="eager",
                                                 dtype=torch.float32).eval()
    expected = load_file(fixture / "expected.safetensors")
    worst = 0.0
    for s, ids in enumerate(json.loads((fixture / "expected.json").read_text())["tokens"]):
        with torch.no_grad():
            logits = model(torch.tensor([ids])).logits[0]
        worst = max(worst, (logits - expected[f"logits.{s}"]).abs().max().item())
    print(f"{args.fixture}: {len(differences)} tensors differ; logits differ by up to {worst:.3g}")
    sys.exit(0 if worst <= args.tolerance else 1)


if __name__ == "__main__":
    main()
