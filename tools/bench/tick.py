#!/usr/bin/env python3
"""What a tick costs: the real tidewattd at 1 Hz over 50 devices of 4 register blocks each, while
it plans 100 waiting jobs over 48 hours.

Prints processor time as a share of one core, whole and by thread, and resident memory, each beside
its limit. The controller plans every 30 s here, ten times as often as it does by default.
"""
import argparse
import datetime
import os
import pathlib
import subprocess
import time

import bench_site

CPU_LIMIT_PCT, MEMORY_LIMIT_MIB = 2.0, 32.0
SETTLE_S = 10        # for connections, the recovery and the first plan
PLAN_EVERY_S = 30


def submit_jobs(build, daemon, count):
    """Jobs through the command-line tool; their release keeps them waiting while it is measured."""
    now = datetime.datetime.now(datetime.timezone.utc)

    def in_hours(hours):
        return (now + datetime.timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%SZ")

    for number in range(count):
        release_h, work_h = 1 + number % 12, 1 + number % 4
        subprocess.run(
            [build / "tools/tidewatt", "submit", "--class", "deferrable", "--power", "15kW",
             "--work", f"{work_h}h", "--release", in_hours(release_h),
             "--deadline", in_hours(release_h + work_h + 8 + number % 9), "--", "sleep", "1"],
            check=True, stdout=subprocess.DEVNULL,
            env={**os.environ, "TIDEWATT_SOCKET": str(daemon.socket)})


def report_plans(daemon, since_ms):
    number, mean_ms, worst_ms = daemon.query(
        "SELECT count(*), avg(solve_ms), max(solve_ms) FROM plan WHERE issue_ms >= ?", since_ms)
    jobs = daemon.query("SELECT count(*) FROM plan_job WHERE issue_ms >= ?", since_ms)[0]
    if number:
        print(f"{number} plans of {jobs / number:.0f} waiting jobs: {mean_ms:.0f} ms wall each, "
              f"worst {worst_ms:.0f} ms")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("build", help="the build folder", type=pathlib.Path)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--devices", type=int, default=50)
    parser.add_argument("--jobs", type=int, default=100, help="waiting jobs that are planned")
    options = parser.parse_args()
    build = options.build.resolve()
    with bench_site.meters(options.devices) as ports, \
            bench_site.daemon(build, ports, PLAN_EVERY_S) as daemon:
        submit_jobs(build, daemon, options.jobs)
        time.sleep(SETTLE_S)
        since_ms = int(time.time() * 1000)
        shares = daemon.shares(options.seconds)
        bench_site.limit_row("processor, whole daemon", sum(shares), CPU_LIMIT_PCT, "% of a core")
        bench_site.thread_rows(shares)
        bench_site.limit_row("resident, peak", daemon.memory_mib("status", "VmHWM"),
                             MEMORY_LIMIT_MIB, "MiB")
        bench_site.row("resident, at the end", f"{daemon.memory_mib('status', 'VmRSS'):.2f} MiB")
        print(f"{options.devices} devices of {bench_site.BLOCKS} blocks at 1 Hz for "
              f"{options.seconds} s; {daemon.good_share(since_ms) * 100:.1f} % of the stored "
              f"samples good")
        report_plans(daemon, since_ms)


if __name__ == "__main__":
    main()
