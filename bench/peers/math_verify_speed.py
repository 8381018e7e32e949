#!/usr/bin/env python3
"""Cost of one verdict of Math-Verify on labelled solutions, and of r1's math_answer on the same rows.

  python3 bench/peers/math_verify_speed.py DATA [--test build-dev/test_math] [--r1 build/r1] [--limit N]

DATA holds gsm8k/model_solutions_labelled_first300.jsonl and math/qwen25math_cot_8samples_first30.jsonl.
Prints one JSON line for each set: rows, the peer's mean and worst processor time of parse and verify in
ms and its agreement with the labels; with --test what r1's own test measures of the same work (wall
clock), and the ratio of the means. With --r1 also how long either takes for strings made to hang a
checker; what passes 20 s is stopped. Needs the Python package math-verify.
"""
import argparse
import json
import logging
import multiprocessing
import os
import re
import subprocess
import sys
import tempfile
import time

from math_verify import parse, verify

HOSTILE = {
    "#65": r"\boxed{\dfrac{5^{(5^{(5^{(5^5)})}-4)}-5}{16}}",
    "tower of twos": r"\boxed{2^{2^{2^{2^{20}}}}}",
    "tower of tens": r"\boxed{10^{10^{10}}}",
    "factorial": r"\boxed{(10^9)!}",
    "brackets": r"\boxed{" + "(" * 1000 + "1" + ")" * 1000 + "}",
    "large power": r"\boxed{(1+x)^{100000}}",
}
LIMIT_S = 20


def read_jsonl(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file if line.strip()]


def gsm8k(data):
    rows = read_jsonl(os.path.join(data, "gsm8k/model_solutions_labelled_first300.jsonl"))
    return [{"gold": row["ground_truth"], "answer": s["solution"], "equal": bool(s["is_correct"])}
            for row in rows for s in row["solutions"].values()]


def qwen(data):
    rows = read_jsonl(os.path.join(data, "math/qwen25math_cot_8samples_first30.jsonl"))
    return [{"gold": row["gt"], "answer": response, "equal": bool(score)}
            for row in rows for response, score in zip(row["response"], row["score"])]


def judge(gold, answer):
    is_solution = "\n" in gold  # else a bare formula, which it wants marked
    return verify(parse(gold if is_solution else f"${gold}$"), parse(answer))


def measure_peer(rows):
    judge("1", "1")  # what is made on first use
    times, n_agree = [], 0
    for row in rows:
        start = time.process_time()
        n_agree += judge(row["gold"], row["answer"]) == row["equal"]
        times.append(1e3 * (time.process_time() - start))
    return {"mean_ms": sum(times) / len(times), "worst_ms": max(times),
            "agreement": n_agree / len(rows)}


def measure_ours(test, data, name):
    """What test_math prints of the set: "…: 1200 of 1200 agree, 0.0054 ms mean, 0.25 ms worst"."""
    out = subprocess.run([test, "--gtest_filter=SharedData.Labelled*"], check=True, text=True,
                         capture_output=True, env=dict(os.environ, R1_SHARED_DATA=data)).stdout
    found = re.search(name + r".*: (\d+) of (\d+) agree, ([\d.]+) ms mean, ([\d.]+) ms worst", out)
    agree, rows, mean, worst = map(float, found.groups())
    return {"mean_ms": mean, "worst_ms": worst, "agreement": agree / rows}


def hostile_peer(text):
    process = multiprocessing.Process(target=judge, args=("$1$", text))
    start = time.monotonic()
    process.start()
    process.join(LIMIT_S)
    if process.is_alive():
        process.kill()
        process.join()
        return f"stopped after {LIMIT_S} s"
    return f"{time.monotonic() - start:.2f} s"


def hostile_ours(program, text):
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl", encoding="utf-8") as file:
        file.write(json.dumps({"gold": "1", "answer": text}) + "\n")
        file.flush()
        start = time.monotonic()
        subprocess.run([program, "reward", "check", "--reward", "math_answer", "--data", file.name],
                       check=True, capture_output=True)
    return f"{time.monotonic() - start:.2f} s"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", help="folder of labelled data")
    parser.add_argument("--test", help="test_math; without it only the peer is measured")
    parser.add_argument("--r1", help="the program; runs the strings made to hang a checker")
    parser.add_argument("--limit", type=int, default=0, help="rows of each set; 0: all")
    args = parser.parse_args()
    logging.disable(logging.CRITICAL)
    sys.setrecursionlimit(20000)
    for name, rows in (("GSM8K", gsm8k(args.data)), ("Qwen", qwen(args.data))):
        rows = rows[:args.limit or None]
        result = {"set": name, "rows": len(rows), "math_verify": measure_peer(rows)}
        if args.test:
            result["r1"] = measure_ours(args.test, args.data, name)
            result["ratio"] = result["math_verify"]["mean_ms"] / result["r1"]["mean_ms"]
        print(json.dumps(result), flush=True)
    for name, text in HOSTILE.items() if args.r1 else ():
        print(json.dumps({"hostile": name, "math_verify": hostile_peer(text),
                          "r1": hostile_ours(args.r1, text)}), flush=True)


if __name__ == "__main__":
    main()
