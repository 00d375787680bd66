"""The training jobs of the demo's day: the same list for every run."""
import random

CLASSES = ["deferrable"] * 9 + ["guaranteed"] + ["scavenger"] * 2


def jobs(seed=7, count=60):
    """Dictionaries with hours after midnight: submit_h, work_h, power_kw, deadline_h, class."""
    dice = random.Random(seed)
    result = []
    for number in range(1, count + 1):
        kind = dice.choice(CLASSES)
        submit_h = round(dice.betavariate(2, 3) * 15, 2)
        work_h = round(min(0.5 + dice.expovariate(1 / 2.0), 6), 2)
        slack_h = {"guaranteed": 1.0, "scavenger": 24.0}.get(kind, dice.uniform(4, 16))
        result.append({
            "name": f"train-{number:02d}",
            "class": kind,
            "submit_h": submit_h,
            "work_h": work_h,
            "power_kw": round(dice.uniform(12, 60), 1),
            "deadline_h": round(min(submit_h + work_h + slack_h, 23.5), 2),
        })
    return sorted(result, key=lambda job: job["submit_h"])
