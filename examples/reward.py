"""A reward in Python: r1 calls it for every completion through run_reward.py."""


def reward(prompt, completion, answer="", **columns):
    """1.0 when the reference stands behind the thought; None is no verdict; (0.5, "why") has a reason."""
    if not answer:
        return None
    said = completion.rsplit("</think>", 1)[-1]
    return 1.0 if said.split()[-1:] == [answer] else 0.0
