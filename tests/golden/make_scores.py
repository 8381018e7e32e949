"""Writes scores.json: what Hugging Face's XForSequenceClassification with one label gives for the
sequences of each fixture, whose body it takes; score.weight is 0.1 sin(i + 1). By hand:

    python tests/golden/make_scores.py [FOLDER]      keeps each reward model in FOLDER/NAME

Needs torch, transformers 5, safetensors.
"""

import json
import pathlib
import sys
import tempfile

import torch
import transformers
from safetensors.torch import load_file, save_file
from transformers import AutoModelForSequenceClassification

GOLDEN = pathlib.Path(__file__).parent


def write_scorer(fixture, folder):
    """The folder as r1 writes it: the body, score.weight, and a renamed architecture."""
    folder.mkdir(parents=True, exist_ok=True)
    config = json.loads((fixture / "config.json").read_text())
    name = config["architectures"][0].replace("ForCausalLM", "ForSequenceClassification")
    config |= {"architectures": [name], "id2label": {"0": "LABEL_0"}, "label2id": {"LABEL_0": 0}}
    (folder / "config.json").write_text(json.dumps(config))
    tensors = {}
    for shard in sorted(fixture.glob("model*.safetensors")):
        tensors |= load_file(shard)
    layers = config["num_hidden_layers"]
    tensors = {k: v for k, v in tensors.items()
               if k != "lm_head.weight" and not k.startswith(f"model.layers.{layers}.")}
    width = config["hidden_size"]
    tensors["score.weight"] = 0.1 * torch.sin(torch.arange(width, dtype=torch.float32) + 1)[None]
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})


def main():
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    scores = {}
    with tempfile.TemporaryDirectory() as scratch:
        out = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else scratch)
        for fixture in sorted(p.parent for p in GOLDEN.glob("*/expected.safetensors")):
            write_scorer(fixture, out / fixture.name)
            model = AutoModelForSequenceClassification.from_pretrained(
                out / fixture.name, attn_implementation="eager",
                experts_implementation="eager", dtype=torch.float32).eval()
            assert model.num_labels == 1, fixture
            sequences = json.loads((fixture / "expected.json").read_text())["tokens"]
            with torch.no_grad():
                scores[fixture.name] = [model(torch.tensor([s])).logits.item() for s in sequences]
    (GOLDEN / "scores.json").write_text(json.dumps(scores, indent=1) + "\n")


if __name__ == "__main__":
    main()
