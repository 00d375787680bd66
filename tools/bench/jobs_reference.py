#!/usr/bin/python3
"""The limits of the jobs benchmark, computed without Tidewatt: 1,000 jobs of a GPU cluster at the
first of each month of 2021, each as cheap in carbon as its deadline allows.

  jobs_reference.py DATA REGION

Prints, as carbon against running every job at once: what is possible with the future known, and
what is reached by taking the last 24 hours for the next; for jobs that may be interrupted and for
such that run in one piece. And the optimum of a linear program (HiGHS) when all jobs together may
draw no more than the peak of running at once.
"""
import csv
import datetime
import pathlib
import sys

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import coo_matrix

HOUR_S = 3600
GRID_S = 300             # arrivals are rounded down to it, lengths up
SHORT_S = 2 * HOUR_S     # jobs below this ...
WAIT_S = (6 * HOUR_S, 24 * HOUR_S)  # ... may wait this long, the others that


def read_carbon(path):
    """Hourly direct intensity, and the first hour's time."""
    with open(path, newline="") as file:
        rows = list(csv.DictReader(file))
    start = datetime.datetime.fromisoformat(rows[0]["time_utc"].replace("Z", "+00:00"))
    return start, np.array([float(row["carbon_direct_g_per_kwh"] or "nan") for row in rows])


def read_jobs(path):
    """Columns: arrival, length, wait (s) and cpus."""
    jobs = []
    with open(path, newline="") as file:
        for row in csv.DictReader(file):
            arrival, length = float(row["arrival_s"]), float(row["length_s"])
            jobs.append((arrival // GRID_S * GRID_S, -(-length // GRID_S) * GRID_S,
                         WAIT_S[length >= SHORT_S], float(row["cpus"])))
    return np.array(jobs)


def month_hours(start):
    months = [datetime.datetime(2021, month, 1, tzinfo=datetime.timezone.utc)
              for month in range(1, 13)]
    return [int((month - start).total_seconds()) // HOUR_S for month in months]


class Window:
    """Hours in which one job may run, and how much of each."""

    def __init__(self, origin_h, job):
        arrival, self.length, self.wait, self.cpus = job
        self.start = origin_h * HOUR_S + arrival
        self.end = self.start + self.length + self.wait
        self.first = int(self.start // HOUR_S)
        self.edges = np.arange(self.first, int(-(-self.end // HOUR_S)) + 1) * float(HOUR_S)

    def overlap(self, start, end):
        """Seconds of each hour inside [start, end)."""
        return np.clip(np.minimum(self.edges[1:], end) - np.maximum(self.edges[:-1], start), 0,
                       None)

    def interrupted(self, price):
        """Seconds in each hour: the cheapest ones."""
        room = self.overlap(self.start, self.end)
        order = np.argsort(price, kind="stable")
        before = np.cumsum(room[order]) - room[order]
        used = np.zeros(len(room))
        used[order] = np.clip(self.length - before, 0, room[order])
        return used

    def in_one_piece(self, price):
        starts = self.start + np.arange(0, int(self.wait) + 1, GRID_S)
        paid = np.concatenate([[0], np.cumsum(price * HOUR_S)])

        def until(time):
            return np.interp(time, self.edges, paid)

        costs = np.round(until(starts + self.length) - until(starts), 6)
        start = starts[np.argmin(costs)]
        return self.overlap(start, start + self.length)


def perfect(carbon, window):
    return carbon[window.first:window.first + len(window.edges) - 1]


def persistence(carbon, window):
    """The last 24 known hours again and again; the hour under way is known."""
    ahead = np.arange(len(window.edges) - 1)
    return carbon[window.first - (-ahead % 24)]


def shares(carbon, origins, jobs, forecast):
    """Carbon against running at once: interrupted, in one piece."""
    at_once, interrupted, in_one = 0.0, 0.0, 0.0
    for origin in origins:
        for job in jobs:
            window = Window(origin, job)
            truth = perfect(carbon, window)
            believed = forecast(carbon, window)
            at_once += window.cpus * (
                window.overlap(window.start, window.start + window.length) @ truth)
            interrupted += window.cpus * (window.interrupted(believed) @ truth)
            in_one += window.cpus * (window.in_one_piece(believed) @ truth)
    return interrupted / at_once, in_one / at_once


def peak_at_once(windows):
    changes = sorted(change for window in windows
                     for change in ((window.start + window.length, -window.cpus),
                                    (window.start, window.cpus)))
    return max(np.cumsum([power for _, power in changes]))


def capped(carbon, origins, jobs):
    """The least share of carbon under the peak of running at once, as divisible work."""
    at_once, least = 0.0, 0.0
    for origin in origins:
        windows = [Window(origin, job) for job in jobs]
        rooms = [window.overlap(window.start, window.end) for window in windows]
        first = min(window.first for window in windows)
        job_of = np.concatenate([np.full(len(room), j) for j, room in enumerate(rooms)])
        hour_of = np.concatenate([window.first - first + np.arange(len(room))
                                  for window, room in zip(windows, rooms)])
        cpus = np.array([window.cpus for window in windows])[job_of]
        columns = np.arange(len(job_of))
        lengths = [window.length for window in windows]
        work = coo_matrix((np.ones(len(columns)), (job_of, columns))).tocsr()
        load = coo_matrix((cpus, (hour_of, columns))).tocsr()
        solved = linprog(cpus * carbon[first + hour_of], A_ub=load,
                         b_ub=np.full(load.shape[0], peak_at_once(windows) * HOUR_S), A_eq=work,
                         b_eq=lengths, bounds=np.column_stack([np.zeros(len(columns)),
                                                               np.concatenate(rooms)]),
                         method="highs")
        if solved.status != 0:
            sys.exit(f"jobs_reference.py: the linear program failed: {solved.message}")
        least += solved.fun
        at_once += sum(window.cpus * (window.overlap(window.start, window.start + window.length)
                                      @ perfect(carbon, window)) for window in windows)
    return least / at_once


def reference(data, region):
    """What is possible, by name."""
    start, carbon = read_carbon(pathlib.Path(data) / f"grid/{region}.csv")
    jobs = read_jobs(pathlib.Path(data) / "jobs/pai_1k.csv")
    origins = month_hours(start)
    oracle = shares(carbon, origins, jobs, perfect)
    naive = shares(carbon, origins, jobs, persistence)
    return {"oracle interruptible": oracle[0], "oracle contiguous": oracle[1],
            "persistence interruptible": naive[0], "persistence contiguous": naive[1],
            "capped optimum": capped(carbon, origins, jobs)}


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    for name, share in reference(sys.argv[1], sys.argv[2]).items():
        print(f"{name:28} {share:.5f}")


if __name__ == "__main__":
    main()
