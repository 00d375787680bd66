#!/usr/bin/env python3
"""End to end: the accelerated day of the demo, with a device lost and the controller killed.

Usage: e2e.py BUILD. Two sites run at the same time, one left alone, one controlled. The controlled
one loses its PV inverter for 45 minutes and its controller by SIGKILL. Prints one line a claim and
`N passed, N failed` last; exit status 1 when a claim fails.
"""
import datetime
import pathlib
import shutil
import sqlite3
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tools"))
import demo  # noqa: E402
import report  # noqa: E402
import workload  # noqa: E402
from stack import Stack, end_at_signals  # noqa: E402

IMPORT_LIMIT_W = 1.1e6
RESERVE_PCT = 20
SPEED = 480  # slower than the demo: a busy machine's pauses are site time too
PV_LOST_H, PV_BACK_H, KILL_H = 10.0, 10.75, 13.0


class Claims:
    def __init__(self):
        self.passed = self.failed = 0

    def check(self, name, holds, detail=""):
        self.passed += bool(holds)
        self.failed += not holds
        print(f"{'ok  ' if holds else 'FAIL'} {name}{': ' + str(detail) if detail != '' else ''}",
              flush=True)

    def close(self, folder):
        """Keeps the files of a failure; the last line and the exit status."""
        if self.failed:
            print(f"files kept in {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
        print(f"{self.passed} passed, {self.failed} failed")
        return 1 if self.failed else 0


def rows(stack, query, *parameters):
    connection = sqlite3.connect(f"file:{stack.database}?mode=ro", uri=True)
    try:
        return connection.execute(query, parameters).fetchall()
    finally:
        connection.close()


def minute_rows(stack, day):
    """The twin's record of the day, as (moment, row)."""
    import csv
    with open(stack.truth, newline="") as file:
        for row in csv.DictReader(file):
            moment = datetime.datetime.fromisoformat(row["time_utc"].replace("Z", "+00:00"))
            if day < moment <= day + datetime.timedelta(days=1):
                yield moment, row


def energy_claims(claims, name, stack, day):
    figures, truth = report.read_day(stack.database, day), report.read_truth(stack.truth, day)
    true_pue = truth["facility"] / truth["it"]
    claims.check(f"{name}: every quarter hour is accounted", figures["quarters"] == 96,
                 figures["quarters"])
    claims.check(f"{name}: PUE within 0.2 % of the truth",
                 figures["pue"] and abs(figures["pue"] / true_pue - 1) <= 0.002,
                 f"{figures['pue']} against {true_pue:.5f}, coverage {figures['coverage']}")
    claims.check(f"{name}: imported energy within 0.2 % of the truth",
                 abs(figures["import_wh"] / truth["import"] - 1) <= 0.002,
                 f"{figures['import_wh']:.0f} Wh against {truth['import']:.0f} Wh")
    parts = sum(figures[k] for k in ("it_wh", "cooling_wh", "distribution_wh", "auxiliary_wh"))
    claims.check(f"{name}: IT, cooling, distribution and auxiliary add up to the facility",
                 abs(parts - figures["facility_wh"]) < 1, f"{parts - figures['facility_wh']:.3f} Wh")
    breaks = rows(stack, "SELECT count(*) FROM v_meter_chain")[0][0]
    claims.check(f"{name}: the chain of counters has no break", breaks == 0, breaks)
    stock = subprocess.run(
        ["sqlite3", "-readonly", str(stack.database),
         f".read {ROOT}/schema/sql/queries/pue_from_counters.sql"], capture_output=True, text=True)
    claims.check(f"{name}: the stock shell recomputes PUE from counters",
                 any(abs(float(line.split()[-1]) - figures["pue"]) < 1e-4
                     for line in stock.stdout.splitlines() if line.startswith(f"{day:%Y-%m-%d}")),
                 stock.stderr.strip())


def limit_claims(claims, stack, day):
    worst = max(float(row["max_import_w"]) for _, row in minute_rows(stack, day))
    claims.check("import limit never crossed", worst <= IMPORT_LIMIT_W, f"{worst / 1e3:.0f} kW")
    least = min(float(row["soc_wh"]) for _, row in minute_rows(stack, day)) / 2e6 * 100
    claims.check("battery reserve never touched", least >= RESERVE_PCT - 0.5, f"{least:.1f} %")


def job_claims(claims, stack, jobs):
    states = rows(stack, "SELECT state, count(*) FROM job GROUP BY state")
    claims.check("every job completed", states == [("completed", len(jobs))], states)
    late = rows(stack, "SELECT name FROM job WHERE ended_ms > deadline_ms")
    claims.check("no deadline missed", late == [], late)
    outputs = list(stack.folder.glob("jobs/*/output"))
    started = [text.count("  0 % of the work is done") for text in (o.read_text() for o in outputs)]
    claims.check("every command ran exactly once", started == [1] * len(jobs), sorted(started)[-3:])
    left = list(stack.job_processes())
    claims.check("no job process is left", left == [], left)


def gain_claims(claims, without, controlled, day):
    left, right = (report.read_day(s.database, day) for s in (without, controlled))
    claims.check("cost below the uncontrolled day", report.total_cost(right) < report.total_cost(left),
                 f"{report.total_cost(right):.0f} < {report.total_cost(left):.0f}")
    claims.check("carbon below the uncontrolled day",
                 report.total_carbon(right) < report.total_carbon(left),
                 f"{report.total_carbon(right):.0f} < {report.total_carbon(left):.0f}")
    work = right["job_wh"] / left["job_wh"]
    claims.check("the same work was done", abs(work - 1) < 0.03, f"{work:.4f}")


def event_claims(claims, stack):
    kinds = {name for (name,) in rows(
        stack, "SELECT DISTINCT k.name FROM event AS e JOIN event_kind AS k USING (kind)")}
    for kind in ("device_lost", "device_found", "recovered", "plan_adopted", "stopped"):
        claims.check(f"the ledger tells {kind}", kind in kinds)
    claims.check("no plan was rejected by the check", "plan_rejected" not in kinds)
    reasons = rows(stack, "SELECT count(*) FROM decision WHERE reason = 0")[0][0]
    claims.check("every decision has its reason", reasons == 0, reasons)
    unknown = rows(stack, """
        SELECT count(*) FROM sample AS s JOIN point AS p USING (point_id)
        JOIN device AS d USING (device_id)
        WHERE d.name = 'pv' AND s.quality <> 0 AND s.value IS NOT NULL""")[0][0]
    claims.check("the lost inverter's values are unknown, not 0", unknown == 0, unknown)


def main():
    end_at_signals()
    build = pathlib.Path(sys.argv[1]).resolve()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="tidewatt-e2e-"))
    claims = Claims()
    timeline = demo.Timeline(speed=SPEED)
    day = timeline.day
    lost = [demo.iso(demo.at_hour(day, hour)) for hour in (PV_LOST_H, PV_BACK_H)]
    without = Stack(build, folder / "without", timeline.clock, "observe",
                    demo.accelerated(folder / "without/history.csv"))
    controlled = Stack(build, folder / "with", timeline.clock, "control",
                       demo.accelerated(folder / "with/history.csv"),
                       ["--fault", f"pv:silent:{lost[0]}:{lost[1]}"])
    killed = []

    def on_hour(hour):
        if hour >= KILL_H and not killed:
            killed.append(hour)
            controlled.kill("controller")
            (controlled.socket).unlink(missing_ok=True)
            controlled.start_controller()

    jobs = workload.jobs()
    try:
        demo.start_all([without, controlled], timeline)
        demo.run_day([without, controlled], timeline, jobs, on_hour)
        status = controlled.ask("status")
        claims.check("the controller answers after its restart", status["ok"] is True)
    finally:
        for stack in (without, controlled):
            stack.stop()
    claims.check("the controller was killed and restarted", bool(killed))
    energy_claims(claims, "without", without, day)
    energy_claims(claims, "with", controlled, day)
    limit_claims(claims, controlled, day)
    job_claims(claims, controlled, jobs)
    gain_claims(claims, without, controlled, day)
    event_claims(claims, controlled)
    print(report.side_by_side(without, controlled, day))
    return claims.close(folder)


if __name__ == "__main__":
    sys.exit(main())
