#!/usr/bin/python3
"""How long `tidewatt backtest` takes for a year of a site in steps of 5 min with about 1,000 jobs
alive all the time: each runs three days and may wait one more.

  year.py BUILD [DAYS]

The jobs are generated; the grid is the measured one of ES (TIDEWATT_DATA, else ../shared/data
beside the checkout).
"""
import csv
import datetime
import pathlib
import random
import subprocess
import sys
import tempfile

import numpy as np

import jobs_reference
import series

LIMIT_S = 30  # of a year
YEAR_DAYS = 365
LENGTH_H, WAIT_H, ALIVE = 72, 24, 1000
GRID_S = 300


def write_jobs(path, days):
    """Enough arrivals that, at half of the waiting time, ALIVE jobs are there."""
    draw = random.Random(4)
    count = round(ALIVE * days * 24 / (LENGTH_H + WAIT_H / 2))
    arrivals = sorted(draw.randrange(0, (days - 4) * 86400, GRID_S) for _ in range(count))
    with open(path, "w") as file:
        file.write("arrival_s,length_s,cpus\n")
        file.writelines(f"{arrival},{LENGTH_H * 3600},{draw.randint(1, 4)}\n"
                        for arrival in arrivals)


def carbon_at_once_g(grid, jobs):
    """Of all jobs, each run when it arrives at 1 kW a CPU."""
    start, carbon = jobs_reference.read_carbon(grid)
    carbon = carbon[jobs_reference.month_hours(start)[0]:]
    paid = np.concatenate([[0], np.cumsum(carbon)])
    edges_s = np.arange(len(paid)) * 3600.0
    begin_s, length_s, cpus = np.loadtxt(jobs, delimiter=",", skiprows=1, unpack=True)
    return float(np.sum(cpus * (np.interp(begin_s + length_s, edges_s, paid) -
                                np.interp(begin_s, edges_s, paid))))


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    days = int(sys.argv[2]) if len(sys.argv) == 3 else YEAR_DAYS
    data = series.folder("year.py")
    with tempfile.TemporaryDirectory(prefix="tidewatt-bench-") as name:
        folder = pathlib.Path(name)
        write_jobs(folder / "jobs.csv", days)
        end = datetime.date(2021, 1, 1) + datetime.timedelta(days=days)
        command = [pathlib.Path(sys.argv[1]) / "tools/tidewatt", "backtest",
                   "--site", series.ROOT / "config/sites/backtest-year.cfg",
                   "--grid", data / "grid/ES.csv", "--jobs", folder / "jobs.csv",
                   "--from", "2021-01-01", "--to", end.isoformat(),
                   "--policy", "tidewatt", "--forecast", "model", "--csv", folder / "r.csv"]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"year.py: {done.stderr.strip()}")
        with open(folder / "r.csv", newline="") as file:
            own = next(csv.DictReader(file))
        ratio = float(own["carbon_g"]) / carbon_at_once_g(data / "grid/ES.csv", folder / "jobs.csv")
    seconds = float(own["seconds"]) * YEAR_DAYS / days
    alive = int(own["jobs"]) * (LENGTH_H + float(own["mean_wait_s"]) / 3600) / (24 * days)
    series.row("a site-year in steps of 5 min", f"{seconds:.1f} s", "limit", LIMIT_S, seconds)
    print(f"{days} days, {own['jobs']} jobs, {alive:.0f} alive on average, {own['plans']} plans; "
          f"carbon {ratio:.4f} of running at once (computed independently), deadlines missed "
          f"{own['missed']}")


if __name__ == "__main__":
    main()
