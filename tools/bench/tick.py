#!/usr/bin/env python3
"""What a tick costs: the real tidewattd at 1 Hz over 50 devices of 4 register blocks each, while
it plans 100 waiting jobs over 48 hours.

Prints processor time as a share of one core, whole and by thread, and resident memory, each beside
its limit. The controller plans every 30 s here, ten times as often as it does by default.
"""
import argparse
import asyncio
import datetime
import math
import os
import pathlib
import resource
import signal
import sqlite3
import struct
import subprocess
import sys
import tempfile
import time

BLOCKS, BLOCK_SPAN = 4, 400
POINTS = [["power_w", "power_reactive_var", "power_apparent_va", "voltage_v"],
          ["energy_import_wh", "energy_export_wh", "current_a", "frequency_hz"],
          ["load_pct", "soc_pct", "soh_pct", "temp_supply_c"],
          ["temp_return_c", "temp_inlet_c", "fan_speed_pct", "power_set_w"]]
UNITS = {"w": "kW", "var": "var", "va": "VA", "v": "V", "wh": "kWh", "a": "A", "hz": "Hz",
         "pct": "%", "c": "C"}
ROLES = ["utility", "pv", "wind", "battery", "ups", *["rack_pdu"] * 8, "cooling"]
CPU_LIMIT_PCT, MEMORY_LIMIT_MIB = 2.0, 32.0
SETTLE_S = 10        # for connections, the recovery and the first plan
PLAN_EVERY_S = 30
THREADS = ["control", "store", "planner"]  # in the order in which tidewattd starts them


class BenchError(Exception):
    """The daemon did not do what is to be measured."""


# ---- the site -----------------------------------------------------------------------------------

def profile_text():
    rows = []
    for block, points in enumerate(POINTS):
        for index, point in enumerate(points):
            unit = UNITS[point.rsplit("_", 1)[1]]
            write = "write = { low = 0.0; high = 1e6; }; " if point == "power_set_w" else ""
            rows.append(f'{{ point = "{point}"; address = {block * BLOCK_SPAN + 2 * index}; '
                        f'type = "u32"; unit = "{unit}"; {write}}}')
    return ('profile: { name = "bench"; maker = "none"; model = "none"; source = "benchmark"; '
            'grade = "tested"; points: (\n' + ",\n".join(rows) + "\n); };\n")


def device_text(number, port):
    role = ROLES[number] if number < len(ROLES) else "auxiliary"
    feeder = f'feeder = "{"AB"[number % 2]}"; ' if role == "rack_pdu" else ""
    return (f'{{ name = "m{number}"; role = "{role}"; {feeder}profile = "bench"; '
            f'address = "127.0.0.1:{port}"; }}')


def site_text(folder, ports):
    devices = ",\n".join(device_text(number, port) for number, port in enumerate(ports))
    return f"""
site: {{ name = "bench"; }};
controller: {{ socket = "{folder}/socket"; }};
store: {{ path = "{folder}/bench.db"; }};
jobs: {{ spool = "{folder}/jobs"; }};
modes: {{ jobs = "advise"; battery = "advise"; cooling = "observe"; }};
limits: {{ import = "1 MW"; import_fail_safe = "700 kW"; export = "400 kW"; }};
battery: {{ device = "m3"; capacity = "2 MWh"; reserve = "20 %"; charge_max = "1 MW";
           discharge_max = "1 MW"; }};
prices: {{ carbon = "80 /t"; peak = "0.4 /kW"; export = "20 /MWh"; }};
plan: {{ every = "{PLAN_EVERY_S} s"; }};
forecast: {{ history = "{folder}/history.csv"; }};
profiles = "{folder}";
feeders: ( {{ name = "A"; limit = "450 kW"; }}, {{ name = "B"; limit = "450 kW"; }} );
devices: ( {devices} );
"""


def history_text(days=7):
    """What gives the planner something to choose: a sun, a price and a carbon curve."""
    now = datetime.datetime.now(datetime.timezone.utc)
    first = now.replace(hour=0, minute=0, second=0, microsecond=0) - datetime.timedelta(days=days)
    lines = ["time_utc,series,value"]
    for quarter in range(days * 96):
        at = (first + datetime.timedelta(minutes=15 * quarter)).strftime("%Y-%m-%dT%H:%M:%SZ")
        wave = math.sin((quarter % 96 / 4 - 6) / 12 * math.pi)
        lines += [f"{at},pv_w,{400e3 * max(wave, 0):.0f}", f"{at},wind_w,{90e3 - 40e3 * wave:.0f}",
                  f"{at},price_per_mwh,{90 - 40 * wave:.1f}",
                  f"{at},carbon_g_per_kwh,{350 - 200 * wave:.0f}",
                  f"{at},base_it_w,{250e3 + 30e3 * wave:.0f}",
                  f"{at},temp_outdoor_c,{18 + 8 * wave:.1f}"]
    return "\n".join(lines) + "\n"


def submit_jobs(build, folder, count):
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
            env={**os.environ, "TIDEWATT_SOCKET": str(folder / "socket")})


# ---- the devices --------------------------------------------------------------------------------

async def answer(reader, writer):
    """A meter: every register rises slowly, so that counters count and powers stay plausible."""
    count = 0
    try:
        while True:
            head = await reader.readexactly(12)
            values = struct.unpack(">H", head[10:12])[0] // 2
            count += 1
            data = struct.pack(">HH", 0, 40 + count // 40 % 40) * values
            writer.write(head[:4] + struct.pack(">H", 3 + len(data)) + head[6:8] +
                         bytes([len(data)]) + data)
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


def serve_forever(pipe, count):
    async def run():
        servers = [await asyncio.start_server(answer, "127.0.0.1", 0) for _ in range(count)]
        ports = [server.sockets[0].getsockname()[1] for server in servers]
        os.write(pipe, (" ".join(map(str, ports)) + "\n").encode())
        await asyncio.Event().wait()
    asyncio.run(run())


def start_meters(count):
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reader)
        serve_forever(writer, count)
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        return pid, [int(port) for port in pipe.readline().split()]


# ---- measuring ----------------------------------------------------------------------------------

def thread_seconds(pid):
    """Processor seconds by thread, in the order in which the threads were started."""
    seconds = []
    for task in sorted(pathlib.Path(f"/proc/{pid}/task").iterdir(), key=lambda t: int(t.name)):
        fields = (task / "stat").read_text().rsplit(")", 1)[1].split()
        seconds.append((int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"))
    return seconds


def memory_mib(pid, key):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(key):
            return int(line.split()[1]) / 1024
    raise BenchError(f"/proc/{pid}/status has no {key}")


def wait_for(daemon, socket):
    end = time.monotonic() + 20
    while not socket.exists():
        if daemon.poll() is not None or time.monotonic() > end:
            raise BenchError("the daemon does not come up")
        time.sleep(0.05)


def measure(daemon, seconds):
    """Shares of a core in percent by thread; resident and peak MiB."""
    begin, before = time.monotonic(), thread_seconds(daemon.pid)
    time.sleep(seconds)
    if daemon.poll() is not None:
        raise BenchError("the daemon ended while it was measured")
    after, took = thread_seconds(daemon.pid), time.monotonic() - begin
    before += [0.0] * (len(after) - len(before))
    shares = [(b - a) / took * 100 for a, b in zip(before, after)]
    return shares, memory_mib(daemon.pid, "VmRSS"), memory_mib(daemon.pid, "VmHWM")


def ledger(database, since_ms):
    """Plans made while it was measured (number, mean and worst ms), jobs in them, share of good
    samples."""
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    try:
        plans = connection.execute(
            "SELECT count(*), avg(solve_ms), max(solve_ms) FROM plan WHERE issue_ms >= ?",
            (since_ms,)).fetchone()
        jobs = connection.execute("SELECT count(*) FROM plan_job WHERE issue_ms >= ?",
                                  (since_ms,)).fetchone()[0]
        good = connection.execute(
            "SELECT avg(quality = 0) FROM sample WHERE at_ms >= ?", (since_ms,)).fetchone()
    finally:
        connection.close()
    return plans, jobs, good[0]


def row(name, value, limit="", ratio=None):
    print(f"{name:34}  {value:>20}  {limit or '-':16}  {'-' if ratio is None else f'{ratio:.2f}'}")


def report(options, shares, resident, peak, plans, jobs, good):
    total = sum(shares)
    row("processor, whole daemon", f"{total:.2f} % of a core", f"limit {CPU_LIMIT_PCT:g} %",
        total / CPU_LIMIT_PCT)
    for number, share in enumerate(shares):
        name = THREADS[number] if number < len(THREADS) else f"thread {number + 1}"
        row(f"processor, {name}", f"{share:.2f} % of a core")
    row("resident, peak", f"{peak:.1f} MiB", f"limit {MEMORY_LIMIT_MIB:g} MiB",
        peak / MEMORY_LIMIT_MIB)
    row("resident, at the end", f"{resident:.1f} MiB")
    print(f"{options.devices} devices of {BLOCKS} blocks at 1 Hz for {options.seconds} s; "
          f"{good * 100:.1f} % of the stored samples good")
    if plans[0]:
        print(f"{plans[0]} plans of {jobs / plans[0]:.0f} waiting jobs: {plans[1]:.0f} ms wall "
              f"each, worst {plans[2]:.0f} ms")


def run(options, folder, meters_ports):
    build = pathlib.Path(options.build).resolve()
    (folder / "bench.cfg").write_text(profile_text())
    (folder / "history.csv").write_text(history_text())
    (folder / "site.cfg").write_text(site_text(folder, meters_ports))
    with open(folder / "log", "wb") as log:
        daemon = subprocess.Popen([build / "controller/core/tidewattd", "-c", folder / "site.cfg"],
                                  stdout=log, stderr=log)
    try:
        wait_for(daemon, folder / "socket")
        submit_jobs(build, folder, options.jobs)
        time.sleep(SETTLE_S)
        since_ms = int(time.time() * 1000)
        shares, resident, peak = measure(daemon, options.seconds)
    except BenchError as error:
        sys.exit(f"tick.py: {error}:\n{(folder / 'log').read_text()}")
    finally:
        daemon.terminate()
        daemon.wait()
    report(options, shares, resident, peak, *ledger(folder / "bench.db", since_ms))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("build", help="the build folder")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--devices", type=int, default=50)
    parser.add_argument("--jobs", type=int, default=100, help="waiting jobs that are planned")
    options = parser.parse_args()
    files = 3 * options.devices + 64
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(files, hard)), hard))
    meters, ports = start_meters(options.devices)
    try:
        with tempfile.TemporaryDirectory(prefix="tidewatt-bench-") as name:
            run(options, pathlib.Path(name), ports)
    finally:
        os.kill(meters, signal.SIGTERM)
        os.waitpid(meters, 0)


if __name__ == "__main__":
    main()
