"""Runs the training hall for one accelerated day, twice at the same time: once left alone
(observe), once under control; prints both side by side. See tools/demo."""
import argparse
import datetime
import pathlib
import shutil
import sqlite3
import sys
import tempfile
import time

import report
import workload
from stack import Interrupted, Stack, StackError, end_at_signals

DAY = datetime.datetime(2026, 6, 15, tzinfo=datetime.timezone.utc)
LEAD_S = 3          # real seconds until both plants are up
WARM_UP_H = 1.0     # site hours before the day that is counted
AFTER_H = 0.5       # site hours after it, for the last quarter hour to be accounted
SPEED = 720

# Accelerated site time leaves less real time for everything that answers within site seconds.
ACCELERATED = [
    (r'tick = "1 s";', 'tick = "15 s";'),
    (r'headroom = "10 kW";', 'headroom = "10 kW"; settle = "2 min"; job_min_run = "15 min";'),
    (r'wear = "12 /MWh";', 'wear = "12 /MWh"; revert_after = "20 min"; ramp = "4 kW/s";'),
    (r'plan: \{ every = "5 min"; valid = "30 min"; horizon = "48 h"; \};',
     'plan: { every = "10 min"; valid = "90 min"; horizon = "48 h"; deadline_margin = "30 min"; };'),
    (r'pue: \{ category = 2; \};', 'pue: { category = 2; gap = "5 min"; };'),
    (r'inlet_device = "hall";', 'inlet_device = "hall"; every = "10 min";'),
]


def accelerated(history):
    """Edits of the site file for an accelerated run."""
    stale = [(r'name = "%s"; role' % name, f'name = "{name}"; stale_after = "10 min"; role')
             for name in ("utility", "ups", "pv", "wind", "battery", "chiller", "cdu",
                          "air-handler", "lighting",
                          *(f"pdu-{feeder}{n}" for feeder in "ab" for n in range(1, 5)))]
    return [*ACCELERATED, *stale,
            (r'profiles = ', f'forecast: {{ history = "{history}"; }};\nprofiles = ')]


def iso(moment):
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def at_hour(day, hour):
    return day + datetime.timedelta(hours=hour)


class Timeline:
    """Site time of an accelerated run."""

    def __init__(self, day=DAY, speed=SPEED, lead_s=LEAD_S):
        self.day = day
        self.speed = speed
        self.wall = time.time() + lead_s
        self.site = at_hour(day, -WARM_UP_H)
        self.clock = f"{iso(self.site)}/{self.wall:.3f}/{speed}"

    def hour(self):
        """Site hours since the day began."""
        return (time.time() - self.wall) * self.speed / 3600 - WARM_UP_H

    def wait_for_start(self):
        """Until site time runs; before that the plants stand still."""
        self.wait(-WARM_UP_H)

    def wait(self, hour):
        while self.hour() < hour:
            time.sleep(min(max((hour - self.hour()) * 3600 / self.speed, 0.001), 0.2))


def submit(stack, job, day):
    stack.cli("submit", "--name", job["name"], "--class", job["class"],
              "--power", f"{job['power_kw']}kW", "--work", f"{job['work_h']}h",
              "--deadline", iso(at_hour(day, job["deadline_h"])), "--min-run", "30min", "--",
              stack.build / "tools/twin/tidewatt-payload", "--work", f"{job['work_h']}h")


def progress(timeline, started, done, total):
    if not sys.stdout.isatty() and int(timeline.hour() * 2) % 8:
        return
    hour = min(max(timeline.hour(), 0), 24)
    bar = "#" * int(hour) + "." * (24 - int(hour))
    end = "\r" if sys.stdout.isatty() else "\n"
    print(f"  site time {int(hour):02d}:{int(hour * 60) % 60:02d} [{bar}] {done}/{total} jobs "
          f"submitted, {time.time() - started:3.0f} s ", end=end, flush=True)


def start_all(stacks, timeline):
    """Plants first; controllers once site time runs."""
    for stack in stacks:
        stack.start_plant()
    timeline.wait_for_start()
    for stack in stacks:
        stack.start_controller()


def run_day(stacks, timeline, jobs, on_hour=None):
    """Submits the jobs at their times to all sites and lets the day pass."""
    started, shown = time.time(), -1
    timeline.wait(-0.1)
    waiting = list(jobs)
    while timeline.hour() < 24 + AFTER_H:
        while waiting and timeline.hour() >= waiting[0]["submit_h"]:
            for stack in stacks:
                submit(stack, waiting[0], timeline.day)
            waiting.pop(0)
        if int(timeline.hour() * 2) != shown:
            shown = int(timeline.hour() * 2)
            progress(timeline, started, len(jobs) - len(waiting), len(jobs))
            if on_hour:
                on_hour(timeline.hour())
        time.sleep(0.05)
    print()


def demo(options):
    folder = pathlib.Path(options.folder or tempfile.mkdtemp(prefix="tidewatt-demo-"))
    timeline = Timeline()
    edits = accelerated(folder / "HISTORY")
    sites = {}
    for name, mode in (("without", "observe"), ("with", "control")):
        home = folder / name
        own = [(pattern, text.replace(str(folder / "HISTORY"), str(home / "history.csv")))
               for pattern, text in edits]
        sites[name] = Stack(options.build, home, timeline.clock, mode, own)
    print(f"Two copies of the training hall, {iso(DAY)[:10]}, {SPEED} x real time: one is left "
          "alone, one is controlled.")
    print(f"Each: 18 Modbus TCP devices, an MQTT broker, real job processes. Files: {folder}")
    try:
        start_all(sites.values(), timeline)
        run_day(list(sites.values()), timeline, workload.jobs())
    finally:
        for stack in sites.values():
            stack.stop()
    print(report.side_by_side(sites["without"], sites["with"], DAY))


def live(options):
    folder = pathlib.Path(options.folder or tempfile.mkdtemp(prefix="tidewatt-live-"))
    now = time.time()
    start = datetime.datetime.fromtimestamp(now, datetime.timezone.utc)
    edits = [(r'profiles = ',
              f'forecast: {{ history = "{folder}/history.csv"; }};\nprofiles = ')]
    stack = Stack(options.build, folder, f"{iso(start)}/{int(now)}/1", "advise", edits)
    tool = stack.build / "tools/tidewatt"
    try:
        stack.start()
        print(f"The training hall runs in real time in mode advise. Files: {folder}\n\n"
              f"  export TIDEWATT_SOCKET={stack.socket}\n  {tool} status\n  {tool} plan\n  {tool} forecast\n"
              f"  {tool} submit --power 20kW --work 5min --deadline +1h -- sleep 300\n"
              f"  {tool} mode jobs control\n  sqlite3 {stack.database}\n\nCtrl-C ends it.",
              flush=True)
        while stack.processes["controller"].poll() is None:
            time.sleep(0.5)
        print(f"the controller ended: see {folder}/controller.log")
    except Interrupted:
        print("\nstopping", flush=True)
    finally:
        stack.stop()


def main():
    parser = argparse.ArgumentParser(prog="tools/demo", description=__doc__)
    parser.add_argument("--live", action="store_true", help="stay up in real time until Ctrl-C")
    parser.add_argument("--build", default="build", help="the build folder")
    parser.add_argument("--folder", help="where to keep database and logs (default: a new one)")
    options = parser.parse_args()
    end_at_signals()
    try:
        (live if options.live else demo)(options)
    except (StackError, sqlite3.Error) as error:
        sys.exit(f"tools/demo: {error}")
    except Interrupted:
        sys.exit("tools/demo: interrupted")


if __name__ == "__main__":
    main()
