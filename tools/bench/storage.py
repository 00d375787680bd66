#!/usr/bin/python3
"""The storage benchmark: how much carbon `tidewatt backtest` saves in 2021 with a battery beside PV
and wind, beside limits computed without it (storage_reference.py).

  storage.py BUILD REGION

Needs the measured series (TIDEWATT_DATA, else ../shared/data beside the checkout).
"""
import csv
import datetime
import pathlib
import subprocess
import sys
import tempfile

import series
import storage_reference

NEAR_OPTIMUM = 0.99  # of what the year's linear program saves, with the future known
# The better of two naive model-predictive controllers over 24 h, computed independently: the last
# day again, and the usual day with an autoregression. Ours has to be above.
NAIVE = {"ES": .0578, "NL": .0473, "CISO": .1552}
PLACES = {"ES": "40.4,-3.7", "NL": "52.1,5.3", "CISO": "36.8,-119.8"}
FREE_JOBS, FREE_H = 8, 6  # a day's free quarter of the load: so many jobs of so many hours


def backtest(build, site, data, region, *options):
    """Results by policy."""
    with tempfile.TemporaryDirectory(prefix="tidewatt-bench-") as folder:
        table = pathlib.Path(folder) / "results.csv"
        command = [build / "tools/tidewatt", "backtest",
                   "--site", series.ROOT / f"config/sites/{site}.cfg",
                   "--place", PLACES[region], "--grid", data / f"grid/{region}.csv", "--from", "2021-01-01", "--to",
                   "2022-01-01", "--csv", table, *options]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"storage.py: {' '.join(map(str, command))}: {done.stderr.strip()}")
        with open(table, newline="") as file:
            return {row["policy"]: row for row in csv.DictReader(file)}


def saved(results, policy="tidewatt"):
    return 1 - float(results[policy]["carbon_ratio"])


def write_free_jobs(path):
    """A quarter of 1 MW in pieces that may run at any time of their day."""
    days = (datetime.date(2022, 1, 1) - datetime.date(2021, 1, 1)).days
    with open(path, "w") as file:
        file.write("arrival_s,length_s,cpus\n")
        for day in range(days):
            file.write(f"{86400 * day},{3600 * FREE_H},1\n" * FREE_JOBS)


def battery_rows(build, data, region, limits):
    """Prints the rows; returns the remark, and the carbon of the flat load alone."""
    perfect = backtest(build, "backtest-storage", data, region, "--policy",
                       "none,surplus,tidewatt", "--forecast", "perfect")
    own = backtest(build, "backtest-storage", data, region, "--policy", "none,tidewatt",
                   "--forecast", "model", "--weather", data / f"weather/{region}.csv")
    best, surplus = limits["year's optimum"], limits["surplus only"]
    least = max(NAIVE[region], surplus)
    series.row(f"{region} future known", f"{100 * saved(perfect):.3f} %", "target",
               100 * NEAR_OPTIMUM * best, 100 * saved(perfect))
    series.row(f"{region} own forecast", f"{100 * saved(own):.3f} %", "target", 100 * least,
               100 * saved(own))
    return (f"{region}: carbon saved against no battery; the year's optimum {100 * best:.3f} %, "
            f"surplus only {100 * surplus:.3f} % (backtested {100 * saved(perfect, 'surplus'):.3f} "
            f"%), best naive controller {100 * NAIVE[region]:.2f} %"), float(own["none"]["carbon_g"])


def free_load_remark(build, data, region, limits, flat_g):
    with tempfile.TemporaryDirectory(prefix="tidewatt-bench-") as folder:
        jobs = pathlib.Path(folder) / "jobs.csv"
        write_free_jobs(jobs)
        perfect, own = (backtest(build, "backtest-free-load", data, region, "--jobs", jobs,
                                 "--policy", "tidewatt", "--forecast", forecast)["tidewatt"]
                        for forecast in ("perfect", "model"))
    best = limits["optimum with free load"]
    known, forecast = (1 - float(run["carbon_g"]) / flat_g for run in (perfect, own))
    return (f"{region}, a quarter of the load free within the day, in the same plan, against the "
            f"flat load: {100 * known:.3f} % with the future known, {100 * forecast:.3f} % with "
            f"its own forecast; the year's optimum {100 * best:.3f} %; deadlines missed "
            f"{perfect['missed']} and {own['missed']} of {own['jobs']}")


def main():
    if len(sys.argv) != 3 or sys.argv[2] not in NAIVE:
        sys.exit(__doc__)
    build, data, region = pathlib.Path(sys.argv[1]), series.folder("storage.py"), sys.argv[2]
    limits = storage_reference.reference(data, region)
    remark, flat_g = battery_rows(build, data, region, limits)
    print(remark)
    print(free_load_remark(build, data, region, limits, flat_g))


if __name__ == "__main__":
    main()
