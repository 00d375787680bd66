#!/usr/bin/python3
"""The jobs benchmark: how much carbon `tidewatt backtest` saves by moving 1,000 jobs of a GPU
cluster at the first of each month of 2021, beside limits computed without it (jobs_reference.py).

  jobs.py BUILD REGION

Needs the measured series (TIDEWATT_DATA, else ../shared/data beside the checkout).
"""
import csv
import pathlib
import subprocess
import sys
import tempfile

import jobs_reference
import series

WINDOWS = ",".join(f"2021-{month:02}-01" for month in range(1, 13))
RULES = "none,lowest-slot,lowest-window,carbon-time,suspend-resume,threshold"
NEAR_OPTIMUM = 1.002  # of the oracle's carbon, with the future known
# A forecast of the day's usual shape and an autoregression on what is left, computed
# independently: interruptible, in one piece. Ours has to be below.
NAIVE = {"ES": (.8680, .8888), "NL": (.9681, .9726), "CISO": (.7196, .7793)}
SITE = series.ROOT / "config/sites/backtest-jobs.cfg"
MARGIN = "2 h"  # before the deadlines, where room is scarce


def backtest(build, data, region, *options, site=SITE):
    """Results by policy."""
    with tempfile.TemporaryDirectory(prefix="tidewatt-bench-") as folder:
        table = pathlib.Path(folder) / "results.csv"
        command = [build / "tools/tidewatt", "backtest", "--site", site,
                   "--grid", data / f"grid/{region}.csv", "--jobs", data / "jobs/pai_1k.csv",
                   "--windows", WINDOWS, "--csv", table, *options]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"jobs.py: {' '.join(map(str, command))}: {done.stderr.strip()}")
        with open(table, newline="") as file:
            return {row["policy"]: row for row in csv.DictReader(file)}


def share(results, policy="tidewatt"):
    return float(results[policy]["carbon_ratio"])


def met(what, results):
    """Running at once and the optimum miss none."""
    jobs = int(results["tidewatt"]["jobs"])
    kept = jobs - int(results["tidewatt"]["missed"])
    series.row(f"{what}: deadlines met", str(kept), "target", jobs, kept, 5)


def capture(own, naive, best):
    """What of that was saved which persistence leaves and the optimum takes."""
    return (naive - own) / (naive - best)


def compare(region, kind, results, limits, naive_limit):
    """Rows of one region and kind of jobs; a remark on regret."""
    perfect, own = (share(results[forecast]) for forecast in ("perfect", "model"))
    best, naive = limits
    series.row(f"{region} {kind}, future known", f"{perfect:.4f}", "limit",
               NEAR_OPTIMUM * best, perfect, 5)
    series.row(f"{region} {kind}, own forecast", f"{own:.4f}", "limit", naive_limit, own)
    for forecast in results:
        met(f"{region} {kind}, {forecast}", results[forecast])
    return (f"{region} {kind}: carbon against running at once; optimum {best:.4f}, persistence "
            f"{naive:.4f}; regret capture {100 * capture(own, naive, best):.1f} % with its own "
            f"forecast, {100 * capture(perfect, naive, best):.1f} % with the future known")


def rules(region, results):
    shares = ", ".join(f"{name} {share(results, name):.4f}" for name in RULES.split(",")[1:])
    return f"{region} interruptible, the future known, published rules: {shares}"


def capped(build, data, region, limit, peak_w):
    """The optimum knows the jobs that are to come; the controller aims before the deadlines to keep
    room for them."""
    with tempfile.NamedTemporaryFile("w", suffix=".cfg") as site:
        site.write(SITE.read_text()
                   .replace('deadline_margin = "0 s"', f'deadline_margin = "{MARGIN}"')
                   .replace('"../profiles"', f'"{series.ROOT}/config/profiles"'))
        site.flush()
        results = backtest(build, data, region, "--policy", "none,tidewatt", "--forecast",
                           "perfect", "--capacity", f"{peak_w:.9g} W", site=site.name)
    reached = share(results)
    met(f"{region} interruptible, capped", results)
    return (f"{region} interruptible, the future known, at most the peak of running at once "
            f"({peak_w / 1000:g} kW), aimed {MARGIN} before the deadlines: {reached:.4f}, optimum "
            f"of divisible work, which knows what comes, {limit:.4f}: "
            f"{100 * (1 - reached) / (1 - limit):.1f} % of what could be saved")


def region_remarks(build, data, region):
    limits = jobs_reference.reference(data, region)
    remarks = []
    for index, (kind, options) in enumerate((("interruptible", ()),
                                             ("contiguous", ("--whole-jobs",)))):
        extra = RULES if index == 0 else "none"
        results = {
            "perfect": backtest(build, data, region, "--policy", f"{extra},tidewatt",
                                "--forecast", "perfect", *options),
            "model": backtest(build, data, region, "--policy", "none,tidewatt", "--forecast",
                              "model", "--weather", data / f"weather/{region}.csv", *options)}
        remarks.append(compare(region, kind, results,
                               (limits[f"oracle {kind}"], limits[f"persistence {kind}"]),
                               NAIVE[region][index]))
        if index == 0:
            remarks.append(rules(region, results["perfect"]))
            peak_w = float(results["perfect"]["none"]["peak_it_w"])
            remarks.append(capped(build, data, region, limits["capped optimum"], peak_w))
    return remarks


def main():
    if len(sys.argv) != 3 or sys.argv[2] not in NAIVE:
        sys.exit(__doc__)
    data = series.folder("jobs.py")
    print("\n".join(region_remarks(pathlib.Path(sys.argv[1]), data, sys.argv[2])))


if __name__ == "__main__":
    main()
