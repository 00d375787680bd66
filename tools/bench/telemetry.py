#!/usr/bin/env python3
"""What 500 devices of 4 register blocks at 1 Hz cost the real tidewattd, beside the same daemon
that is all but idle: one device, no jobs in either.

Prints processor time as a share of one core, whole and by thread, and memory that belongs to the
daemon alone (private pages; what the kernel keeps for its sockets is in no process' account): idle,
with the devices, and the difference. All readings go through checks into the image and the store.
"""
import argparse
import pathlib
import time

import bench_site

CPU_LIMIT_PCT, MEMORY_LIMIT_MIB = 5.0, 16.0
SETTLE_S = 15        # for connections, the first plan and the store's first full batches
PLAN_EVERY_S = 300   # as by default


class Figures:
    def __init__(self, daemon, seconds):
        since_ms = int(time.time() * 1000)
        self.shares = daemon.shares(seconds)
        self.private_mib = daemon.memory_mib("smaps_rollup", "Private_Clean", "Private_Dirty")
        self.resident_mib = daemon.memory_mib("status", "VmRSS")
        self.peak_mib = daemon.memory_mib("status", "VmHWM")
        self.good_pct = daemon.good_share(since_ms) * 100
        self.stored_per_s = daemon.query(  # the newest wait for the store's next batch
            "SELECT count(*) * 1.0 / count(DISTINCT at_ms) FROM sample WHERE at_ms >= ?",
            since_ms)[0]


def measure(options, devices, ports):
    with bench_site.daemon(options.build.resolve(), ports[:devices], PLAN_EVERY_S) as daemon:
        time.sleep(SETTLE_S)
        return Figures(daemon, options.seconds)


def report(options, idle, fleet):
    bench_site.limit_row("processor, whole daemon", sum(fleet.shares), CPU_LIMIT_PCT,
                         "% of a core")
    bench_site.thread_rows(fleet.shares)
    bench_site.row("processor, idle", f"{sum(idle.shares):.2f} % of a core")
    bench_site.limit_row("private memory, more than idle", fleet.private_mib - idle.private_mib,
                         MEMORY_LIMIT_MIB, "MiB")
    for name, figures in (("idle", idle), (f"{options.devices} devices", fleet)):
        bench_site.row(f"private memory, {name}", f"{figures.private_mib:.2f} MiB")
        bench_site.row(f"resident, {name}", f"{figures.resident_mib:.2f} MiB")
        bench_site.row(f"resident at its peak, {name}", f"{figures.peak_mib:.2f} MiB")
    points = options.devices * sum(map(len, bench_site.POINTS))
    print(f"{options.devices} devices of {bench_site.BLOCKS} blocks, {points} points, at 1 Hz for "
          f"{options.seconds} s; {fleet.stored_per_s:.0f} samples stored a tick, "
          f"{fleet.good_pct:.1f} % of them good")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("build", help="the build folder", type=pathlib.Path)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--devices", type=int, default=500)
    options = parser.parse_args()
    with bench_site.meters(options.devices) as ports:
        idle = measure(options, 1, ports)
        fleet = measure(options, options.devices, ports)
    report(options, idle, fleet)


if __name__ == "__main__":
    main()
