"""What the benchmarks of the whole daemon share: a site of many meters, the meters themselves, the
real tidewattd over it, and what the system says about a process."""
import asyncio
import contextlib
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
BATTERY = ROLES.index("battery")
THREADS = ["control", "store", "planner"]  # in the order in which tidewattd starts them
MIB = 1024  # KiB


class BenchError(Exception):
    """The daemon did not do what is to be measured."""


# ---- the site -----------------------------------------------------------------------------------

def profile_text():
    rows = []
    for block, points in enumerate(POINTS):
        for index, point in enumerate(points):
            unit = UNITS[point.rsplit("_", 1)[1]]
            kind, write = (("i32", "write = { low = -1e6; high = 1e6; }; ")
                           if point == "power_set_w" else ("u32", ""))
            rows.append(f'{{ point = "{point}"; address = {block * BLOCK_SPAN + 2 * index}; '
                        f'type = "{kind}"; unit = "{unit}"; {write}}}')
    return ('profile: { name = "bench"; maker = "none"; model = "none"; source = "benchmark"; '
            'grade = "simulated"; points: (\n' + ",\n".join(rows) + "\n); };\n")


def device_text(number, port):
    role = ROLES[number] if number < len(ROLES) else "auxiliary"
    feeder = f'feeder = "{"AB"[number % 2]}"; ' if role == "rack_pdu" else ""
    return (f'{{ name = "m{number}"; role = "{role}"; {feeder}profile = "bench"; '
            f'address = "127.0.0.1:{port}"; }}')


def site_text(folder, ports, plan_every_s):
    devices = ",\n".join(device_text(number, port) for number, port in enumerate(ports))
    battery = (f'battery: {{ device = "m{BATTERY}"; capacity = "2 MWh"; reserve = "20 %"; '
               f'charge_max = "1 MW"; discharge_max = "1 MW"; }};' if len(ports) > BATTERY else "")
    return f"""
site: {{ name = "bench"; }};
controller: {{ socket = "{folder}/socket"; }};
store: {{ path = "{folder}/bench.db"; }};
jobs: {{ spool = "{folder}/jobs"; }};
modes: {{ jobs = "advise"; battery = "advise"; cooling = "observe"; }};
limits: {{ import = "1 MW"; import_fail_safe = "700 kW"; export = "400 kW"; }};
{battery}
prices: {{ carbon = "80 /t"; peak = "0.4 /kW"; export = "20 /MWh"; }};
plan: {{ every = "{plan_every_s} s"; }};
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


def write_site(folder, ports, plan_every_s):
    """Site, profile and history; the path of the site's file."""
    (folder / "bench.cfg").write_text(profile_text())
    (folder / "history.csv").write_text(history_text())
    (folder / "site.cfg").write_text(site_text(folder, ports, plan_every_s))
    return folder / "site.cfg"


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


@contextlib.contextmanager
def meters(count):
    """The ports of `count` meters, which end with the block."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(3 * count + 64, hard)), hard))
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reader)
        serve_forever(writer, count)
        os._exit(0)
    os.close(writer)
    try:
        with os.fdopen(reader) as pipe:
            yield [int(port) for port in pipe.readline().split()]
    finally:
        os.kill(pid, signal.SIGTERM)
        os.waitpid(pid, 0)


# ---- the daemon ---------------------------------------------------------------------------------

class Daemon:
    """A running tidewattd in a folder of its own."""

    def __init__(self, process, folder):
        self.process, self.pid, self.folder = process, process.pid, folder
        self.socket = folder / "socket"

    def wait(self):
        end = time.monotonic() + 20
        while not self.socket.exists():
            if self.process.poll() is not None or time.monotonic() > end:
                raise BenchError("the daemon does not come up")
            time.sleep(0.05)

    def thread_seconds(self):
        """Processor seconds by thread, in the order in which the threads were started."""
        seconds = []
        for task in sorted(pathlib.Path(f"/proc/{self.pid}/task").iterdir(),
                           key=lambda t: int(t.name)):
            fields = (task / "stat").read_text().rsplit(")", 1)[1].split()
            seconds.append((int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"))
        return seconds

    def memory_mib(self, file, *keys):
        """The sum of these lines of `status` (VmRSS, VmHWM) or `smaps_rollup` (Rss, Private_...)."""
        lines = (line.split() for line in
                 pathlib.Path(f"/proc/{self.pid}/{file}").read_text().splitlines())
        found = {words[0].rstrip(":"): int(words[1]) for words in lines
                 if len(words) > 2 and words[2] == "kB"}
        return sum(found[key] for key in keys) / MIB

    def shares(self, seconds):
        """Percent of a core by thread, over this time from now on."""
        begin, before = time.monotonic(), self.thread_seconds()
        time.sleep(seconds)
        if self.process.poll() is not None:
            raise BenchError("the daemon ended while it was measured")
        after, took = self.thread_seconds(), time.monotonic() - begin
        before += [0.0] * (len(after) - len(before))
        return [(b - a) / took * 100 for a, b in zip(before, after)]

    def query(self, text, *arguments):
        """One row of its ledger."""
        connection = sqlite3.connect(f"file:{self.folder / 'bench.db'}?mode=ro", uri=True)
        try:
            return connection.execute(text, arguments).fetchone()
        finally:
            connection.close()

    def good_share(self, since_ms):
        """Of the samples stored since then."""
        return self.query("SELECT avg(quality = 0) FROM sample WHERE at_ms >= ?", since_ms)[0]


@contextlib.contextmanager
def daemon(build, ports, plan_every_s):
    """The daemon over the meters of these ports; ends the program when it fails."""
    with tempfile.TemporaryDirectory(prefix="tidewatt-bench-") as name:
        folder = pathlib.Path(name)
        site = write_site(folder, ports, plan_every_s)
        with open(folder / "log", "wb") as log:
            process = subprocess.Popen([build / "controller/core/tidewattd", "-c", site],
                                       stdout=log, stderr=log)
        running = Daemon(process, folder)
        try:
            running.wait()
            yield running
        except BenchError as error:
            sys.exit(f"{error}:\n{(folder / 'log').read_text()}")
        finally:
            process.terminate()
            process.wait()


# ---- report -------------------------------------------------------------------------------------

def row(name, value, beside="-", ratio=None):
    print(f"{name:34}  {value:>20}  {beside:16}  {'-' if ratio is None else f'{ratio:.2f}'}")


def limit_row(name, value, limit, unit):
    row(name, f"{value:.2f} {unit}", f"limit {limit:g} {unit}", value / limit)


def thread_rows(shares):
    for number, share in enumerate(shares):
        name = THREADS[number] if number < len(THREADS) else f"thread {number + 1}"
        row(f"processor, {name}", f"{share:.2f} % of a core")
