#!/usr/bin/env python3
"""Encoding speed of Hugging Face tokenizers on one core, and of r1 in the same minute.

  python3 bench/peers/tokenizers_speed.py --model DIR --text FILE [--bench build/r1_bench] [--rounds 3]

DIR holds tokenizer.json; FILE is real text, 20 MB or more. Prints one JSON line: MB/s of the peer's
fastest way (one thread, no special tokens, documents of about 10 kB), ours (the same file and sizes,
r1_bench's Tokenizer/encode), and the ratio. Needs the Python package tokenizers.
"""
import argparse
import json
import os
import statistics
import subprocess
import time

os.environ["RAYON_NUM_THREADS"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
import tokenizers  # noqa: E402


def documents(text, size=10000):
    docs, lines, n = [], [], 0
    for line in text.splitlines(True):
        lines.append(line)
        n += len(line)
        if n >= size:
            docs.append("".join(lines))
            lines, n = [], 0
    return docs + ["".join(lines)]


def measure_peer(tokenizer, docs, n_bytes):
    ways = {
        "encode": lambda: [tokenizer.encode(d, add_special_tokens=False) for d in docs],
        "encode_batch": lambda: tokenizer.encode_batch(docs, add_special_tokens=False),
        "encode_batch_fast": lambda: tokenizer.encode_batch_fast(docs, add_special_tokens=False),
    }
    speeds = {}
    for name, way in ways.items():
        start = time.perf_counter()
        way()
        speeds[name] = n_bytes / (time.perf_counter() - start) / 1e6
    return speeds


def measure_ours(bench, model, text):
    env = dict(os.environ, R1_BENCH_TOKENIZER=model, R1_BENCH_TEXT=text)
    out = subprocess.run([bench, "--benchmark_filter=Tokenizer/encode", "--benchmark_format=json",
                          "--benchmark_repetitions=1"],
                         check=True, capture_output=True, text=True, env=env).stdout
    run = json.loads(out[out.index("{"):])["benchmarks"][0]
    return run["bytes_per_second"] / 1e6


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", required=True, help="folder with tokenizer.json")
    parser.add_argument("--text", required=True, help="a file of real text")
    parser.add_argument("--bench", help="r1_bench; without it only the peer is measured")
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    tokenizer = tokenizers.Tokenizer.from_file(os.path.join(args.model, "tokenizer.json"))
    with open(args.text, encoding="utf-8", errors="replace", newline="") as file:
        text = file.read()
    docs, n_bytes = documents(text), len(text.encode())
    peer, ours = [], []
    for _ in range(args.rounds):
        if args.bench:
            ours.append(measure_ours(args.bench, args.model, args.text))
        peer.append(measure_peer(tokenizer, docs, n_bytes))
    best = [max(speeds.values()) for speeds in peer]
    result = {"tokenizers": tokenizers.__version__, "megabytes": n_bytes / 1e6, "peer_ways": peer,
              "peer": statistics.median(best)}
    if ours:
        result |= {"ours": statistics.median(ours),
                   "ratio": statistics.median(o / p for o, p in zip(ours, best))}
    print(json.dumps(result))


main()
