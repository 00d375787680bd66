#!/usr/bin/python3
"""The limits of the storage benchmark, computed without Tidewatt: a flat load of 1 MW with its own
PV and wind (each a quarter of the year's energy, after the region's), a battery of 4 MWh and 2 MW,
no export, 2021 by the hour, carbon alone.

  storage_reference.py DATA REGION

Prints how much less carbon there is than without a battery: when it takes surplus and gives it
back, at the optimum of one linear program over the year (HiGHS), and at that of one in which a
quarter of the load may move within its day, at up to 1 MW.
"""
import csv
import pathlib
import sys

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import bmat, coo_matrix, diags, eye, kron

YEAR = "2021-"
SHARE = 0.25       # of the year's energy from PV, and from wind
FREE_SHARE = 0.25  # of the load that may move within the day
LOAD_MW, FREE_MW, POWER_MW, CAPACITY_MWH = 1.0, 1.0, 2.0, 4.0
CHARGE, DISCHARGE = 0.97, 1 / 1.04
START_MWH = 0.0


def read_year(path):
    """Carbon intensity (g/kWh) and green power (MW) by the hour."""
    with open(path, newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["time_utc"].startswith(YEAR)]
    carbon, solar, wind = (np.array([float(row[name]) for row in rows]) for name in
                           ("carbon_direct_g_per_kwh", "solar_mw", "wind_mw"))
    hours = len(rows)
    return carbon, sum(SHARE * LOAD_MW * hours * series / series.sum() for series in (solar, wind))


def surplus_only(carbon, green):
    stored, total = START_MWH, 0.0
    for intensity, net in zip(carbon, LOAD_MW - green):
        if net < 0:
            stored += CHARGE * min(-net, POWER_MW, (CAPACITY_MWH - stored) / CHARGE)
            continue
        given = min(net, POWER_MW, stored * DISCHARGE)
        stored -= given / DISCHARGE
        total += intensity * (net - given)
    return total


def optimum(carbon, green, free_share=0.0):
    """Columns: import, spill, charge, discharge, stored at the end, moved load; by the hour."""
    n = len(carbon)
    one, none = eye(n), coo_matrix((n, n))
    before = diags([np.ones(n - 1)], [-1])
    day = kron(eye(n // 24), np.ones((1, 24)))
    balance = [one, -one, -one, one, none, -one]
    storage = [none, none, -CHARGE * one, one / DISCHARGE, one - before, none]
    daily = [coo_matrix((n // 24, n))] * 5 + [day]
    start = np.zeros(n)
    start[0] = START_MWH
    fixed = LOAD_MW * (1 - free_share)
    solved = linprog(np.concatenate([carbon, np.zeros(5 * n)]),
                     A_eq=bmat([balance, storage, daily]).tocsr(),
                     b_eq=np.concatenate([fixed - green, start,
                                          np.full(n // 24, 24 * LOAD_MW * free_share)]),
                     bounds=np.column_stack([np.zeros(6 * n), np.repeat(
                         [np.inf, np.inf, POWER_MW, POWER_MW, CAPACITY_MWH, FREE_MW], n)]),
                     method="highs")
    if solved.status != 0:
        sys.exit(f"storage_reference.py: the linear program failed: {solved.message}")
    return solved.fun


def reference(data, region):
    """Saved share of the carbon without a battery, by name."""
    carbon, green = read_year(pathlib.Path(data) / f"grid/{region}.csv")
    without = carbon @ np.maximum(LOAD_MW - green, 0)
    return {name: 1 - total / without for name, total in (
        ("surplus only", surplus_only(carbon, green)),
        ("year's optimum", optimum(carbon, green)),
        ("optimum with free load", optimum(carbon, green, FREE_SHARE)))}


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    for name, share in reference(sys.argv[1], sys.argv[2]).items():
        print(f"{name:24} {100 * share:.3f} %")


if __name__ == "__main__":
    main()
