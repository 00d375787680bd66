#!/usr/bin/env python3
"""How far the ledger's PUE is from the truth: runs the demo (about 2 1/4 minutes) and compares the
auditor's view of the controlled day with the twin's own record of the energies.

Usage: pue.py BUILD
"""
import pathlib
import sqlite3
import subprocess
import sys
import tempfile

TOOLS = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TOOLS))

import demo  # noqa: E402
import report  # noqa: E402

LIMIT_PCT = 0.2
CATEGORY = 2  # of config/sites/training-hall.cfg


def ledger_pue(database):
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    try:
        found = connection.execute("SELECT pue, coverage_pct FROM v_pue_day WHERE day = ? AND "
                                   "category = ?", (f"{demo.DAY:%Y-%m-%d}", CATEGORY)).fetchone()
    finally:
        connection.close()
    if not found or found[0] is None:
        sys.exit(f"pue.py: {database} has no PUE of {demo.DAY:%Y-%m-%d}")
    return found


def print_day(name, folder):
    pue, coverage = ledger_pue(folder / "tidewatt.db")
    energies = report.read_truth(folder / "truth.csv", demo.DAY)
    truth = energies["facility"] / energies["it"]
    off = abs(pue / truth - 1) * 100
    print(f"{f'PUE off the truth, {name}':34}  {f'{off:.4f} %':>20}  "
          f"{f'limit {LIMIT_PCT:g} %':16}  {off / LIMIT_PCT:.2f}")
    return f"{name}: ledger {pue:.4f}, truth {truth:.4f}, coverage {coverage:.1f} %"


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    with tempfile.TemporaryDirectory(prefix="tidewatt-bench-") as name:
        result = subprocess.run([sys.executable, TOOLS / "demo.py", "--build", sys.argv[1],
                                 "--folder", name], capture_output=True, text=True)
        if result.returncode != 0:
            sys.exit(f"pue.py: the demo failed:\n{result.stdout}{result.stderr}")
        folder = pathlib.Path(name)
        notes = [print_day("controlled day", folder / "with"),
                 print_day("day without control", folder / "without")]
        print("\n".join(notes))


if __name__ == "__main__":
    main()
