#!/usr/bin/env python3
"""A GRPO step of `r1 rl` against TRL's GRPOTrainer, in turns on the same machine: time and memory.

  python3 bench/peers/compare_grpo.py --r1 build/r1 --python ~/torch/bin/python \\
      --model runs/quickstart/zero/final --rounds 3

Both start from the same folder and take the same prompts, group, lengths, rewards and loss; the rate is
so small that lengths stay. CPU seconds beside wall seconds: a neighbour moves the first less.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile

SETTINGS = {"train_batch_size": 24, "num_generations": 16, "max_completion_length": 160}


def read_lines(path):
    with open(path) as file:
        return [json.loads(line) for line in file]


def run_ours(args, data, threads, seed):
    """Median wall seconds, CPU seconds a step of the whole process, its peak memory, mean length."""
    with tempfile.TemporaryDirectory() as folder:
        run = os.path.join(folder, "run")
        command = [args.r1, "rl", "--model", args.model, "--data", data, "--output_dir", run,
                   "--reward_funcs", "accuracy_strict,format", "--reward_weights", "1.0,0.5",
                   "--learning_rate", str(args.learning_rate), "--save_steps", "0", "--seed", str(seed),
                   "--max_steps", str(args.our_steps), "--compute.threads", str(threads)]
        for name, value in SETTINGS.items():
            command += [f"--{name}", str(value)]
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        errors = child.stderr.read().decode()
        _, status, usage = os.wait4(child.pid, 0)
        if status != 0:
            sys.exit(errors)
        seconds = [row["step_time"] for row in read_lines(os.path.join(run, "timing", "metrics.jsonl"))]
        lengths = [row["completions/mean_length"] for row in read_lines(os.path.join(run, "metrics.jsonl"))]
    seconds = seconds[args.warm_up:]
    return {"step_s": statistics.median(seconds), "step_s_min": min(seconds), "step_s_max": max(seconds),
            "step_cpu_s": (usage.ru_utime + usage.ru_stime) / args.our_steps,
            "peak_mib": usage.ru_maxrss / 1024, "mean_length": statistics.mean(lengths)}


def run_peer(args, data, threads, seed, extra):
    command = [args.python, args.script, "--model", args.model, "--data", data, "--threads", str(threads),
               "--learning_rate", str(args.learning_rate), "--steps", str(args.peer_steps), "--warm_up",
               str(args.warm_up), "--seed", str(seed)] + extra
    for name, value in SETTINGS.items():
        command += [f"--{name}", str(value)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(done.stderr)
    return json.loads(done.stdout.strip().splitlines()[-1])


def parse_args():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--r1", default="build/r1")
    parser.add_argument("--python", default="python3", help="an interpreter that has torch and trl")
    parser.add_argument("--script", default=os.path.join(os.path.dirname(__file__), "trl_grpo.py"))
    parser.add_argument("--model", required=True, help="model folder that both start from")
    parser.add_argument("--threads", default="2", help="of both; 1,2: one after the other")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--warm_up", type=int, default=1, help="steps that are not counted")
    parser.add_argument("--our_steps", type=int, default=11)
    parser.add_argument("--peer_steps", type=int, default=3, help="after the warm-up")
    parser.add_argument("--peer_options", default="", help="of trl_grpo.py: '--as_installed …'")
    parser.add_argument("--learning_rate", type=float, default=1e-6)
    return parser.parse_args()


def main():
    args = parse_args()
    extra = args.peer_options.split()
    with tempfile.TemporaryDirectory() as folder:
        data = os.path.join(folder, "prompts.jsonl")
        subprocess.run([args.r1, "data", "--split", "train", "--n", "2000", "--output", data], check=True,
                       capture_output=True)
        for threads in map(int, args.threads.split(",")):
            rounds = []
            for seed in range(args.rounds):
                rounds.append((run_ours(args, data, threads, seed), run_peer(args, data, threads, seed, extra)))
                print(json.dumps({"threads": threads, "r1": rounds[-1][0], "trl": rounds[-1][1]}), flush=True)
            report(threads, rounds)


def report(threads, rounds):
    peer = rounds[0][1]
    print(f"peer: TRL {peer['version']}, transformers {peer['transformers']}, PyTorch {peer['torch']} on "
          f"{peer['cpu']}; {peer['model']}, {threads} threads, {len(rounds)} rounds in turns")
    for key, name in (("step_s", "seconds a step"), ("step_cpu_s", "CPU seconds a step"),
                      ("peak_mib", "peak MiB"), ("mean_length", "mean length")):
        ours, theirs = (statistics.median(r[i][key] for r in rounds) for i in (0, 1))
        each = ", ".join(f"{r[1][key] / r[0][key]:.1f}" for r in rounds)
        print(f"{name:20} r1 {ours:8.3g}  TRL {theirs:8.4g}  TRL / r1 {theirs / ours:6.2f}  (rounds: {each})")


if __name__ == "__main__":
    main()
