"""Serves FILE's `def reward(prompt, completion, **columns)` to r1: python3 run_reward.py FILE."""
import importlib.util
import json
import sys

spec = importlib.util.spec_from_file_location("reward_file", sys.argv[1])
module = importlib.util.module_from_spec(spec)
out, sys.stdout = sys.stdout, sys.stderr  # what the file prints is no reply
spec.loader.exec_module(module)


def as_score(value):
    return {"score": value[0], "reason": value[1]} if isinstance(value, tuple) else value


for line in sys.stdin:
    scores = [as_score(module.reward(**row)) for row in json.loads(line)["batch"]]
    out.write(json.dumps({"scores": scores}) + "\n")
    out.flush()
