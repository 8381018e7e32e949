#!/usr/bin/env python3
"""r1 against PyTorch, in turns (r1, peer, r1, peer, …) on the same machine: medians and ratios.

  python3 bench/peers/compare.py --bench build/r1_bench --python ~/torch/bin/python --rounds 3
"""
import argparse
import json
import statistics
import subprocess

ROWS = {"train_batch_12": ("TrainStep", "sequences:12"), "train_batch_48": ("TrainStep", "sequences:48"),
        "sample_64": ("Sample64", "kv_bf16:0")}


def run_ours(bench):
    """Best thread count of each row: tokens/s and share of peak."""
    out = subprocess.run([bench, "--benchmark_filter=TrainStep|Sample64.*kv_bf16:0", "--benchmark_format=json",
                          "--benchmark_min_time=1"], check=True, capture_output=True, text=True).stdout
    runs = json.loads(out[out.index("{"):])["benchmarks"]
    best = {}
    for key, (name, variant) in ROWS.items():
        mine = [r for r in runs if r["name"].startswith(name) and variant in r["name"]
                and r.get("aggregate_name", "median") == "median"]
        best[key] = max((r["tok/s"], r["of_peak"]) for r in mine)
    return best


def run_peer(python, script, seconds):
    out = subprocess.run([python, script, "--seconds", str(seconds)], check=True, capture_output=True,
                         text=True).stdout
    return json.loads(out.strip().splitlines()[-1])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bench", default="build/r1_bench")
    parser.add_argument("--python", default="python3", help="an interpreter that has torch")
    parser.add_argument("--script", default="bench/peers/pytorch_lm.py")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=1.5, help="of each of the peer's settings")
    args = parser.parse_args()
    ours, peers = [], []
    for _ in range(args.rounds):
        ours.append(run_ours(args.bench))
        peers.append(run_peer(args.python, args.script, args.seconds))
    print(f"peer: PyTorch {peers[0]['version']} on {peers[0]['cpu']}, {args.rounds} rounds in turns")
    print(f"{'':16} {'r1 tok/s':>10} {'of peak':>8} {'eager':>10} {'ratio':>6} {'compile':>10} {'ratio':>6}")
    for key in ROWS:
        rate = statistics.median(o[key][0] for o in ours)
        share = statistics.median(o[key][1] for o in ours)
        cells = ""
        for mode in ("best_eager", "best_compile"):
            found = [p[key][mode] for p in peers if p[key].get(mode)]
            values = [next(v for k, v in f.items() if "tokens_per_s" in k and "padded" not in k) if isinstance(f, dict)
                      else f for f in found]
            cells += f" {statistics.median(values):10.0f} {rate / statistics.median(values):6.2f}" if values \
                else f" {'–':>10} {'–':>6}"
        print(f"{key:16} {rate:10.0f} {100 * share:7.0f}%{cells}")


if __name__ == "__main__":
    main()
