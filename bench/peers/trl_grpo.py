#!/usr/bin/env python3
"""A GRPO step of the quickstart in TRL: what `r1 rl` is measured against.

Prints one JSON line: seconds of a step (median, smallest, largest), peak memory, mean length.

  r1 data --split train --n 1000 --output prompts.jsonl
  python3 bench/peers/trl_grpo.py --model runs/quickstart/zero/final --data prompts.jsonl
  python3 bench/peers/trl_grpo.py … --as_installed     # as a user gets the libraries

GRPOTrainer on the same weights, prompts, group, lengths, rewards and loss, with one update for each
rollout, AdamW and clipping. Chosen in TRL's favour: f32 (bf16 is slower on a CPU without AMX), no
recomputed activations, attention by scaled_dot_product_attention, all completions of a step in one call
of generate() with its KV cache, updates in parts of 48 (as fast as all 384 at once, half the memory),
nothing saved, and the libraries tuned (tuned.py).
"""
import argparse
import json
import logging
import os
import re
import statistics
import sys
import tempfile
import time

from tuned import cpu_info, start_tuned

if __name__ == "__main__":
    start_tuned()
os.environ.update(HF_HUB_OFFLINE="1", TOKENIZERS_PARALLELISM="false", TRANSFORMERS_VERBOSITY="error",
                  TRL_EXPERIMENTAL_SILENCE="1")

import torch  # noqa: E402
import transformers  # noqa: E402
import trl  # noqa: E402
from datasets import Dataset  # noqa: E402

ANSWER = re.compile(r"<answer>\s*(\d+)\s*</answer>")
FORMAT = re.compile(r"\s*<think>(?:(?!</?think>).)*</think>\s*<answer>(?:(?!</?answer>).)*</answer>\s*", re.S)


def text_of(completion):
    return completion[0]["content"] if isinstance(completion, list) else completion


def accuracy_strict(completions, answer, **_):
    said = [ANSWER.findall(text_of(c)) for c in completions]
    return [float(len(found) == 1 and found[0] == right) for found, right in zip(said, answer)]


def format_zero(completions, **_):
    return [float(FORMAT.fullmatch(text_of(c)) is not None) for c in completions]


class StepTimer(transformers.TrainerCallback):
    """Seconds from the end of a step to the end of the next: sampling, rewards, update, logging."""

    def __init__(self):
        self.ends, self.cpu_ends, self.lengths = [], [], []

    def on_train_begin(self, *_, **__):
        self.on_step_end()

    def on_step_end(self, *_, **__):
        self.ends.append(time.perf_counter())
        self.cpu_ends.append(time.process_time())

    def on_log(self, args, state, control, logs=None, **_):
        if logs and "completions/mean_length" in logs:
            self.lengths.append(logs["completions/mean_length"])


def differences(ends, n_warm_up):
    return [b - a for a, b in zip(ends, ends[1:])][n_warm_up:]


def peak_mib():
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmHWM:")) / 1024


def read_prompts(path):
    with open(path) as file:
        rows = [json.loads(line) for line in file]
    return Dataset.from_list([{"prompt": [{"role": "user", "content": row["prompt"]}],
                               "answer": row["answer"]} for row in rows])


def trainer_settings(args, folder):
    n_completions = args.train_batch_size * args.num_generations
    micro = args.micro_batch or n_completions
    return trl.GRPOConfig(
        output_dir=folder, use_cpu=True, bf16=False, fp16=False, seed=args.seed,
        per_device_train_batch_size=micro, gradient_accumulation_steps=n_completions // micro,
        steps_per_generation=n_completions // micro, num_generations=args.num_generations,
        max_completion_length=args.max_completion_length, temperature=1.0,
        reward_weights=[1.0, 0.5], loss_type="dapo", scale_rewards="group", epsilon=0.2,
        epsilon_high=0.28, beta=0.0, num_iterations=1, learning_rate=args.learning_rate,
        lr_scheduler_type="constant", adam_beta2=0.95, max_grad_norm=1.0, optim="adamw_torch_fused",
        max_steps=args.warm_up + args.steps, logging_steps=1, save_strategy="no", report_to="none",
        disable_tqdm=True, dataloader_num_workers=0, dataloader_pin_memory=False,
        gradient_checkpointing=False, cache_implementation=args.cache or None,
        model_init_kwargs={"dtype": "float32", "attn_implementation": "sdpa"})


def parse_args():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", required=True, help="model folder to start from")
    parser.add_argument("--data", required=True, help="JSONL of prompts and answers, by r1 data")
    for name, default in (("train_batch_size", 24), ("num_generations", 16),
                          ("max_completion_length", 160), ("micro_batch", 48), ("seed", 0),
                          ("warm_up", 2), ("steps", 5), ("threads", 2)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--learning_rate", type=float, default=1e-6, help="small: lengths stay")
    parser.add_argument("--cache", default="", help="generate()'s cache_implementation: static …")
    parser.add_argument("--as_installed", action="store_true", help="tune no library")
    return parser.parse_args()


def main():
    args = parse_args()
    torch.set_num_threads(args.threads)
    logging.disable(logging.WARNING)
    timer = StepTimer()
    out, sys.stdout = sys.stdout, sys.stderr  # the trainer prints its logs
    with tempfile.TemporaryDirectory() as folder:
        trainer = trl.GRPOTrainer(
            model=args.model, reward_funcs=[accuracy_strict, format_zero],
            args=trainer_settings(args, folder), train_dataset=read_prompts(args.data),
            processing_class=transformers.AutoTokenizer.from_pretrained(args.model, padding_side="left"),
            callbacks=[timer])
        trainer.train()
    sys.stdout = out
    seconds = differences(timer.ends, args.warm_up)
    cpu_seconds = differences(timer.cpu_ends, args.warm_up)
    last = trainer.state.log_history[-2]
    print(json.dumps({
        "peer": "trl", "version": trl.__version__, "torch": torch.__version__,
        "transformers": transformers.__version__, "cpu": cpu_info("model name"),
        "libraries": "as installed" if args.as_installed else "tuned", "threads": args.threads,
        "model": type(trainer.model).__name__, "parameters": sum(p.numel() for p in trainer.model.parameters()),
        "micro_batch": args.micro_batch, "cache": args.cache or "dynamic",
        "step_s": statistics.median(seconds), "step_s_min": min(seconds), "step_s_max": max(seconds),
        "step_cpu_s": statistics.median(cpu_seconds), "steps": len(seconds), "peak_mib": round(peak_mib()),
        "mean_length": round(statistics.mean(timer.lengths), 1), "reward": last.get("reward")}))


if __name__ == "__main__":
    main()
