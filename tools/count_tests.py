#!/usr/bin/env python3
"""Counts test cases in meson's JSON log: "PASSED FAILED" on one line.

A cmocka program, and one that closes with a line "N passed, N failed", counts as many cases as it
reports; any other program, and one that died before it could report, counts as one.
"""
import json
import re
import sys


def count(entry):
    text = entry.get("stdout", "") + entry.get("stderr", "")
    passed = sum(map(int, re.findall(r"^\[  PASSED  \] (\d+) test", text, re.M)))
    failed = sum(map(int, re.findall(r"^\[  FAILED  \] (\d+) test", text, re.M)))
    own = re.findall(r"^(\d+) passed, (\d+) failed$", text, re.M)
    if own:
        passed, failed = map(int, own[-1])
    good = entry["result"] in ("OK", "EXPECTEDFAIL", "SKIP")
    if good:
        return max(passed, 1), 0
    return passed, max(failed, 1)


def main():
    totals = [0, 0]
    with open(sys.argv[1], encoding="utf-8") as log:
        for line in log:
            for index, number in enumerate(count(json.loads(line))):
                totals[index] += number
    print(*totals)


if __name__ == "__main__":
    main()
