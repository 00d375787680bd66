#!/usr/bin/env python3
"""Bad input and bad luck: what the real programs say, and that nothing is lost, crashes or rises.

Usage: bad_input.py BUILD. Mistakes in files must be named with file, line and remedy; what fails
while the site runs must be told and survived. Prints one line a claim and `N passed, N failed`
last; exit status 1 when a claim fails.
"""
import datetime
import json
import pathlib
import re
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tools"))
from e2e import Claims, rows  # noqa: E402
from stack import BROKER_OFFSET, Stack, StackError, end_at_signals, site_text  # noqa: E402

SPEED = 60
EVENING = datetime.datetime(2026, 6, 15, 19, tzinfo=datetime.timezone.utc)
TICK_MS = 5000
WAIT_S = 15  # real time until something that must happen counts as not happened

# A minute of site time is a second here: what answers within site seconds needs more of them.
PACE = [
    (r'tick = "1 s";', 'tick = "5 s";'),
    (r'headroom = "10 kW";', 'headroom = "10 kW"; settle = "30 s";'),
    (r'wear = "12 /MWh";', 'wear = "12 /MWh"; revert_after = "10 min";'),
    *((f'name = "{name}"; role', f'name = "{name}"; stale_after = "90 s"; role')
      for name in ("utility", "ups", "pv", "wind", "battery", "chiller", "cdu", "air-handler",
                   "lighting", *(f"pdu-{feeder}{n}" for feeder in "ab" for n in range(1, 5)))),
]
PROBE_TOPIC = "BMS/v1/PUB/Value/Sensor/AirTemperature/training-hall/probe"
PROBE = (r'devices: \(', 'devices: ( { name = "probe"; role = "none"; stale_after = "1 d"; '
         'points: ( { point = "temp_inlet_c"; unit = "C"; low = -50.0; high = 60.0; '
         f'topic = "{PROBE_TOPIC}"; }} ); }},')


def clock(site=EVENING):
    return f"{site.strftime('%Y-%m-%dT%H:%M:%SZ')}/{time.time():.3f}/{SPEED}"


def until(condition, seconds=WAIT_S):
    """Whether the condition came true in time."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.1)
    return True


def alive(stack):
    return stack.processes["controller"].poll() is None and stack.answers()


def log(stack):
    return (stack.folder / "controller.log").read_text(errors="replace")


def device(stack, name):
    return next(d for d in stack.ask("status")["devices"] if d["name"] == name)


def newest(stack, point):
    """Quality, value and site time of a point's newest record."""
    found = rows(stack, "SELECT quality, value, at_ms FROM v_sample WHERE point = ? "
                 "ORDER BY at_ms DESC LIMIT 1", point)
    return found[0] if found else (None, None, 0)


def events(stack, kind):
    return [f"{subject}: {text}" for subject, text in rows(
        stack, "SELECT e.subject, e.text FROM event AS e JOIN event_kind AS k USING (kind) "
        "WHERE k.name = ? ORDER BY e.rowid", kind)]


def broken_chains(stack):
    return rows(stack, "SELECT count(*) FROM v_meter_chain")[0][0]


# ---- mistakes in files --------------------------------------------------------------------------

class Desk:
    """A folder with a site file and profiles to make mistakes in."""

    def __init__(self, build, folder):
        self.build, self.folder = build, folder
        shutil.copytree(ROOT / "config/profiles", folder / "profiles")
        self.config = folder / "site.cfg"

    def write(self, edits=()):
        text = site_text(20000, self.folder, "observe", edits)
        text = text.replace(str(ROOT / "config/profiles"), str(self.folder / "profiles"))
        self.config.write_text(text)

    def edit_profile(self, name, old, new):
        path = self.folder / "profiles" / name
        text = path.read_text()
        assert text.count(old) == 1, (name, old)
        path.write_text(text.replace(old, new))
        return path

    def check(self):
        result = subprocess.run([self.build / "tools/tidewatt", "check", self.config],
                                capture_output=True, text=True, timeout=20)
        return result.returncode, result.stdout + result.stderr

    def start(self):
        """What tidewattd says when it must not start."""
        try:
            result = subprocess.run(
                [self.build / "controller/core/tidewattd", "--config", self.config],
                capture_output=True, text=True, timeout=20)
        except subprocess.TimeoutExpired:
            return None, "it started"
        return result.returncode, result.stderr


def line_of(path, text):
    """`FILE:LINE:` as a message must name the place of the text."""
    lines = path.read_text().splitlines()
    return f"{path}:{1 + next(n for n, line in enumerate(lines) if text in line)}:"


def refused(claims, name, desk, *fragments):
    """Both programs refuse, with the same text."""
    for program, run in (("check", desk.check), ("tidewattd", desk.start)):
        status, text = run()
        lacking = [str(f) for f in fragments if str(f) not in text]
        claims.check(f"{name}: {program} refuses and says where and what to do",
                     status == 1 and not lacking, f"status {status}, {lacking or 'said'}"
                     + (f" in {text.strip()}" if lacking else ""))


def configuration_claims(claims, build, folder):
    desk = Desk(build, folder)
    desk.write()
    claims.check("a sound file passes", desk.check()[0] == 0, desk.check()[1].splitlines()[0])
    desk.write([(r'headroom = ', 'hedroom = ')])
    refused(claims, "unknown key", desk, line_of(desk.config, "hedroom"), "headroom")
    desk.write([(r'import = "1.1 MW"', 'import = "1.1 MWh"')])
    refused(claims, "wrong unit", desk, line_of(desk.config, "1.1 MWh"), "import", "MW")
    desk.write([(r'import = "1.1 MW"', 'import = 1100')])
    refused(claims, "no unit", desk, line_of(desk.config, "import = 1100"), "unit", "kW")
    desk.write([(r'import_fail_safe = "700 kW"', 'import_fail_safe = "7 MW"')])
    refused(claims, "fail-safe weaker than the limit", desk, desk.config, "fail-safe")
    desk.write([(r'profile = "twin-pv"', 'profile = "no-such"')])
    refused(claims, "missing profile", desk, line_of(desk.config, "no-such"),
            desk.folder / "profiles/no-such.cfg", "exists")
    desk.write([(r'capacity = "2 MWh"', 'capacity = "2 MWh')])
    refused(claims, "broken syntax", desk, f"{desk.config}:", "syntax")
    desk.write()
    path = desk.edit_profile("twin-battery.cfg", 'address = 14;', 'address = 13;')
    refused(claims, "overlapping registers", desk, line_of(path, "address = 13"), "12")
    path = desk.edit_profile("twin-battery.cfg", 'address = 13;', 'adress = 14;')
    refused(claims, "unknown key in a profile", desk, line_of(path, "adress"), "address")


# ---- refused starts -----------------------------------------------------------------------------

def other_database(path, script):
    connection = sqlite3.connect(path)
    connection.executescript(script)
    connection.close()
    return path.read_bytes()


def stays_down(claims, name, desk, *fragments):
    status, text = desk.start()
    lacking = [str(f) for f in fragments if str(f) not in text]
    claims.check(f"{name}: refused with what to do", status == 1 and not lacking,
                 text.strip().splitlines()[-1] if text.strip() else f"status {status}")


def start_claims(claims, build, folder):
    desk = Desk(build, folder)
    desk.write()
    database = folder / "tidewatt.db"
    for name, script, fragments in (
            ("database of a newer version",
             "CREATE TABLE schema_migration (version INTEGER PRIMARY KEY, name TEXT, "
             "program_version TEXT, applied_wall_ms INTEGER);"
             "INSERT INTO schema_migration VALUES (9999, 'future', '9.0', 0);",
             ("newer", "9999", "install the newer")),
            ("database of another program", "CREATE TABLE recipe (name TEXT);",
             ("another program", "another store path"))):
        before = other_database(database, script)
        stays_down(claims, name, desk, database, *fragments)
        claims.check(f"{name}: the file was not touched", database.read_bytes() == before)
        database.unlink()
    database.write_text("this is a letter, not a database\n" * 100)
    stays_down(claims, "not a database", desk, database, "move the file away")
    database.unlink()
    desk.write([(f"{folder}/tidewatt.db", f"{folder}/none/tidewatt.db")])
    stays_down(claims, "store folder missing", desk, f"{folder}/none", "create it")
    (folder / "plain").write_text("")
    desk.write([(f'spool = "{folder}/jobs"', f'spool = "{folder}/plain/jobs"')])
    stays_down(claims, "spool not writable", desk, f"{folder}/plain/jobs", "jobs.spool")
    long = folder / ("s" * 120)
    desk.write([(f"{folder}/tidewatt.sock", str(long))])
    stays_down(claims, "socket path too long", desk, long, "107")


# ---- the broker ---------------------------------------------------------------------------------

def publish(stack, payload, topic=PROBE_TOPIC):
    subprocess.run(["mosquitto_pub", "-h", "127.0.0.1", "-p", str(stack.base + BROKER_OFFSET),
                    "-t", topic, "-s"], input=payload, check=True, timeout=10)


def probe_payload(stack, value="21.5", quality=1, ahead_ms=0):
    now = datetime.datetime.fromisoformat(stack.ask("status")["now"].replace("Z", "+00:00"))
    return (f'{{"value":{value},"timestamp":{int(now.timestamp() * 1000) + ahead_ms},'
            f'"quality":{quality}}}').encode()


def good(stack, point="probe.temp_inlet_c"):
    return newest(stack, point)[0] == "good"


def spoil(claims, stack, name, payload):
    """A good value, then the payload: told with its topic, and no longer good."""
    publish(stack, probe_payload(stack))
    came = until(lambda: good(stack))
    told = len(events(stack, "payload_malformed"))
    publish(stack, payload)
    fell = until(lambda: len(events(stack, "payload_malformed")) > told and not good(stack))
    quality, value, _ = newest(stack, "probe.temp_inlet_c")
    last = (events(stack, "payload_malformed") or [""])[-1]
    claims.check(f"malformed payload ({name}): told with its topic, value unknown, daemon alive",
                 came and fell and quality == "bad" and PROBE_TOPIC in last and value is None
                 and alive(stack),
                 f"{quality}, {last.rsplit('/', 1)[-1]}")


def doubted(claims, stack, name, **wrong):
    """A good value, then a later one that must not be believed."""
    publish(stack, probe_payload(stack))
    came = until(lambda: good(stack))
    publish(stack, probe_payload(stack, **wrong))
    fell = until(lambda: not good(stack))
    quality, value, _ = newest(stack, "probe.temp_inlet_c")
    claims.check(f"payload that {name} is not believed", came and fell and value is None, quality)


def payload_claims(claims, stack):
    spoil(claims, stack, "no JSON", b"21.5 degrees")
    spoil(claims, stack, "cut short", b'{"value":21.5,"timestamp":1781')
    spoil(claims, stack, "no timestamp", b'{"value":21.5,"quality":1}')
    spoil(claims, stack, "value as text",
          probe_payload(stack, '"21.5"'))
    spoil(claims, stack, "value NaN", probe_payload(stack, "NaN"))
    spoil(claims, stack, "200 kB", b"[" * 200000)  # the broker keeps back more than 256 KiB
    spoil(claims, stack, "bytes that are no text", bytes(range(128, 256)))
    doubted(claims, stack, "its source calls bad", quality=0)
    doubted(claims, stack, "is out of range", value="1e300")
    doubted(claims, stack, "comes from the future", ahead_ms=7200000)
    publish(stack, probe_payload(stack))
    claims.check("a good payload after them is taken", until(lambda: good(stack)))
    believed = rows(stack, "SELECT DISTINCT value FROM v_sample WHERE point = 'probe.temp_inlet_c' "
                    "AND value IS NOT NULL")
    claims.check("no value but the good ones was ever believed", believed == [(21.5,)], believed)


# ---- requests -----------------------------------------------------------------------------------

WORK = ("--power", "20kW", "--work", "5min")
BAD_REQUESTS = [  # command line, exit status, what the answer must name
    (("submit", "--power", "20", "--work", "5min", "--", "true"), 2, ("--power", "unit", "kW")),
    (("submit", "--power", "20kWh", "--work", "5min", "--", "true"), 2, ("power", "energy")),
    (("submit", "--power", "20kW", "--work", "400d", "--", "true"), 1, ("400 d", "366 d")),
    (("submit", "--power", "5MW", "--work", "5min", "--", "true"), 1, ("feeder", "split")),
    (("submit", *WORK, "--deadline", "soon", "--", "true"), 2, ("--deadline", "UTC")),
    (("submit", *WORK, "--deadline", "2020-01-01T00:00Z", "--", "true"), 1, ("has passed",)),
    (("submit", *WORK, "--class", "vip", "--", "true"), 1, ("class", "scavenger")),
    (("submit", *WORK), 2, ("--",)),
    (("cancel", "99"), 1, ("no such job",)),
    (("cancel", "first"), 2, ("tidewatt jobs",)),
    (("mode", "battery", "auto"), 1, ("observe, advise or control",)),
    (("mode", "pumps", "control"), 1, ("jobs, battery or cooling",)),
    (("status", "--socket", "/nonexistent"), 3, ("start tidewattd",)),
]
BAD_LINES = [b"\0" * 1000, b"{" * 100000 + b"\n", b'{"do":"status"', b"GET / HTTP/1.1\r\n\r\n",
             b'{"do":"submit","power_w":1e999}\n', bytes(range(256))]


def throw(stack, line):
    with socket.socket(socket.AF_UNIX) as peer:
        peer.settimeout(0.2)
        peer.connect(str(stack.socket))
        try:
            peer.sendall(line)
            peer.recv(1000)
        except OSError:
            pass  # refused in the middle, or still waiting for the end of the line


def request_claims(claims, stack):
    for words, status, fragments in BAD_REQUESTS:
        result = stack.cli(*words, check=False)
        lacking = [f for f in fragments if f not in result.stderr]
        claims.check(f"tidewatt {' '.join(words)}: refused with what to do",
                     result.returncode == status and not lacking,
                     f"{result.returncode}, {result.stderr.strip().splitlines()[0]}")
    for line in BAD_LINES:
        throw(stack, line)
    claims.check("lines that are no requests: the daemon lives and no job came of them",
                 alive(stack) and stack.ask("jobs", "--all")["jobs"] == [])


def broker_claims(claims, build, folder):
    stack = Stack(build, folder, clock(), "observe", [*PACE, PROBE])
    stack.config.write_text(site_text(stack.base, folder, "observe", stack.edits))
    try:
        stack.start_twin()
        stack.start_controller()
        claims.check("unreachable broker: the devices on Modbus are read",
                     until(lambda: good(stack, "utility.power_w")))
        address = f"127.0.0.1:{stack.base + BROKER_OFFSET}"
        claims.check("unreachable broker: the log names it and why",
                     until(lambda: address in log(stack) and "not connected" in log(stack)))
        claims.check("unreachable broker: status tells it", device(stack, "weather")["link"] != "up"
                     and device(stack, "weather")["good_points"] == 0,
                     device(stack, "weather")["reason"])
        claims.check("unreachable broker: an event tells it",
                     until(lambda: events(stack, "broker_lost"), 3), events(stack, "broker_lost"))
        status = stack.ask("status")
        claims.check("unreachable broker: what it would say is unknown, not 0",
                     status["temp_outdoor_c"] is None and status["price_per_mwh"] is None)
        stack.start_broker()
        claims.check("the broker appears: its values come",
                     until(lambda: stack.ask("status")["temp_outdoor_c"] is not None
                           and events(stack, "broker_found"), 40))
        payload_claims(claims, stack)
        request_claims(claims, stack)
        stack.kill("broker")
        claims.check("the broker dies: told, and its devices are down",
                     until(lambda: device(stack, "weather")["link"] == "down"
                           and events(stack, "broker_lost")) and alive(stack))
        second_daemon_claims(claims, stack)
    finally:
        stack.stop()


def second_daemon_claims(claims, stack):
    desk = Desk(stack.build, stack.folder / "second")
    desk.write([(re.escape(f"{desk.folder}/tidewatt.db"), str(stack.database))])
    stays_down(claims, "second daemon on a database", desk, stack.database, "stop it")
    desk.write([(re.escape(f"{desk.folder}/tidewatt.sock"), str(stack.socket))])
    stays_down(claims, "second daemon on a socket", desk, stack.socket)
    desk.write([(re.escape(f'spool = "{desk.folder}/jobs"'), f'spool = "{stack.folder}/jobs"')])
    stays_down(claims, "second daemon on a spool", desk, f"{stack.folder}/jobs")
    claims.check("second daemons: the first goes on", alive(stack))


# ---- devices ------------------------------------------------------------------------------------

class BadDevice:
    """Accepts connections; answers every request with `reply`, or never."""

    def __init__(self, reply):
        self.reply = reply
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                peer, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(peer,), daemon=True).start()

    def serve(self, peer):
        try:
            while request := peer.recv(300):
                if self.reply:
                    peer.sendall(self.reply(request))
        except OSError:
            pass


def wrong_transaction(request):
    """A reply that would be right, but for another request."""
    count = request[11] * 2
    return bytes([request[0] ^ 0x55, request[1]]) + b"\0\0" + (3 + count).to_bytes(2, "big") \
        + request[6:8] + bytes([count]) + b"\x42" * count


BAD_DEVICES = {
    "pdu-a1": None,                                            # nobody listens
    "pdu-a2": BadDevice(None),                                 # listens, never answers
    "pdu-a3": BadDevice(lambda request: b"HTTP/1.1 400 Bad Request\r\n\r\n" * 20),
    "pdu-a4": BadDevice(wrong_transaction),
}


def bad_device_edits(base):
    for number, (name, bad) in enumerate(BAD_DEVICES.items()):
        port = bad.port if bad else base + 90
        yield (rf'address = "127\.0\.0\.1:{base + 3 + number}"', f'address = "127.0.0.1:{port}"')


def device_claims(claims, build, folder):
    stack = Stack(build, folder, clock(), "observe", PACE)
    stack.edits = [*PACE, *bad_device_edits(stack.base)]
    try:
        stack.start()
        claims.check("bad devices: the others are read",
                     until(lambda: good(stack, "pdu-b1.power_w")
                           and good(stack, "utility.power_w")))
        time.sleep(4)  # time-outs, and attempts to connect again
        before = rows(stack, "SELECT max(at_ms) FROM sample")[0][0]
        time.sleep(2)
        ticks = (rows(stack, "SELECT max(at_ms) FROM sample")[0][0] - before) / TICK_MS
        seen = dict(rows(stack, "SELECT point, count(*) FROM v_sample WHERE at_ms > ? AND "
                         "quality = 'good' GROUP BY point", before))
        least = min(seen.get(f"{name}.power_w", 0)
                    for name in ("utility", "pdu-b1", "pdu-b4", "pv", "battery", "lighting"))
        claims.check("bad devices: nobody else is delayed", least > ticks / 3,
                     f"{least} readings or more in {ticks:.0f} ticks")
        for name in BAD_DEVICES:
            known = rows(stack, "SELECT count(*) FROM v_sample WHERE point LIKE ? AND "
                         "value IS NOT NULL", f"{name}.%")[0][0]
            state = device(stack, name)
            claims.check(f"bad device {name}: its values are unknown",
                         known == 0 and state["good_points"] == 0,
                         f"{state['link']}, {state['reason']}, {state['timeouts']} time-outs, "
                         f"{state['mismatches']} mismatches")
        power = stack.ask("status")["power"]
        claims.check("bad devices: the sum that needs them is unknown, not that of the rest",
                     power["it_w"] is None and power["import_w"] is not None)
    finally:
        stack.stop()
    claims.check("bad devices: the daemon lived", "stopped" in log(stack))


# ---- the meter is silent, in control ------------------------------------------------------------

def silent_meter_claims(claims, build, folder):
    noon = EVENING.replace(hour=11)
    end = (noon + datetime.timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    stack = Stack(build, folder, clock(noon), "control", PACE,
                  ["--fault", f"utility:silent:{noon.strftime('%Y-%m-%dT%H:%M:%SZ')}:{end}"])
    try:
        stack.start()
        stack.cli("submit", "--power", "40kW", "--work", "1h", "--class", "guaranteed",
                  "--deadline", "+70min", "--", "sleep", "100")
        stack.cli("submit", "--power", "40kW", "--work", "1h", "--", "sleep", "100")
        until(lambda: stack.ask("status")["plan"] is not None)
        time.sleep(6)
        status = stack.ask("status")
        claims.check("silent meter: import is unknown, not 0", status["power"]["import_w"] is None)
        claims.check("silent meter: the fail-safe limit is in force", status["fail_safe"]
                     and status["import_limit_w"] == 700e3, status["import_limit_w"])
        claims.check("silent meter: no job starts",
                     status["jobs"]["queued"] == 2 and status["jobs"]["running"] == 0,
                     status["jobs"])
        charged = rows(stack, "SELECT count(*) FROM setpoint_write AS w JOIN point AS p "
                       "USING (point_id) WHERE p.kind = 'power_set_w' AND w.value < 0")[0][0]
        low = rows(stack, "SELECT min(value) FROM v_sample WHERE point = 'battery.power_w'")[0][0]
        claims.check("silent meter: the battery does not charge",
                     charged == 0 and low is not None and low > -1000, f"least {low} W")
        why = [row[0] for row in rows(stack, "SELECT DISTINCT r.name FROM decision AS d "
                                      "JOIN reason AS r USING (reason)")]
        claims.check("silent meter: what was held back says so", "fail_safe_stale" in why, why)
    finally:
        stack.stop()


# ---- full disk ----------------------------------------------------------------------------------

class SmallDisk:
    def __init__(self, folder):
        self.folder = folder
        folder.mkdir()
        self.mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", folder],
                                      capture_output=True).returncode == 0

    def fill(self):
        with open(self.folder / "ballast", "wb", buffering=0) as file:
            for size in (65536, 4096, 512):
                try:
                    while True:
                        file.write(b"x" * size)
                except OSError:
                    pass

    def free(self):
        (self.folder / "ballast").unlink()

    def close(self):
        """Killed processes leave their working directory a moment later."""
        gone = until(lambda: subprocess.run(["umount", self.folder],
                                            capture_output=True).returncode == 0, 5)
        if not gone:
            raise StackError(f"{self.folder} cannot be unmounted")


def full_disk_claims(claims, build, folder):
    folder.mkdir()
    disk = SmallDisk(folder / "disk")
    if not disk.mounted:
        print("skip full disk: a small file system cannot be mounted here (needs root)")
        return
    stack = Stack(build, folder, clock(), "observe",
                  [*PACE, (r'path = "[^"]*"', f'path = "{disk.folder}/tidewatt.db"')])
    stack.database = disk.folder / "tidewatt.db"
    (disk.folder / "jobs").mkdir()
    (folder / "jobs").symlink_to(disk.folder / "jobs")
    try:
        stack.start()
        until(lambda: good(stack, "utility.power_w"))
        stack.cli("submit", "--power", "10kW", "--work", "1h", "--", "sleep", "100")
        disk.fill()
        claims.check("full disk: status tells it",
                     until(lambda: stack.ask("status")["store"]["full"], 30))
        store = stack.ask("status")["store"]
        claims.check("full disk: what to do is told with the file",
                     str(stack.database) in store["error"] and "free space" in store["error"],
                     store["error"])
        refusal = stack.cli("submit", "--power", "10kW", "--work", "1h", "--", "true", check=False)
        claims.check("full disk: a job that cannot be kept is refused, with its cause",
                     refusal.returncode == 1 and "space" in refusal.stderr, refusal.stderr.strip())
        time.sleep(2)
        fresh = stack.ask("status")
        claims.check("full disk: devices are still read", device(stack, "utility")["good_points"]
                     > 0 and fresh["power"]["import_w"] is not None)
        full_ms = rows(stack, "SELECT max(at_ms) FROM sample")[0][0]
        disk.free()
        claims.check("space again: records are written again",
                     until(lambda: not stack.ask("status")["store"]["full"]
                           and rows(stack, "SELECT max(at_ms) FROM sample")[0][0] > full_ms + 60000,
                           30))
        claims.check("space again: both are told",
                     until(lambda: events(stack, "store_back") and events(stack, "store_full")))
        hole = rows(stack, "SELECT max(gap) FROM (SELECT at_ms - lag(at_ms) OVER (ORDER BY at_ms) "
                    "AS gap FROM v_sample WHERE point = 'utility.power_w')")[0][0]
        store = stack.ask("status")["store"]
        claims.check("space again: what waited in memory is there",
                     store["refused"] == 0 and hole <= 60000, f"longest gap {hole} ms of site time")
        claims.check("space again: a job is taken", stack.cli(
            "submit", "--power", "10kW", "--work", "1h", "--", "true", check=False).returncode == 0)
        stack.kill("controller", 15)
        claims.check("space again: the database is sound", rows(
            stack, "PRAGMA integrity_check") == [("ok",)] and broken_chains(stack) == 0)
    finally:
        stack.stop()
        disk.close()


# ---- SIGTERM in control -------------------------------------------------------------------------

def battery_registers(stack):
    """Set-point of the twin's battery in W, read by a program that is not ours."""
    result = subprocess.run(
        ["mbpoll", "-0", "-1", "-q", "-t", "4:int", "-B", "-r", "20", "-c", "1", "-a", "1",
         "-p", str(stack.base + 13), "127.0.0.1"], capture_output=True, text=True, timeout=10)
    found = re.search(r"^\[20\]:\s+(-?\d+)", result.stdout, re.M)
    return int(found[1]) if found else None


def job_states(stack):
    return {int(path.parent.name): json.loads(path.read_text())["state"]
            for path in stack.folder.glob("jobs/*/state.json")}


def terminate_claims(claims, build, folder):
    stack = Stack(build, folder, clock(), "control", PACE)
    try:
        stack.start()
        stack.cli("submit", "--power", "40kW", "--work", "1h", "--class", "guaranteed",
                  "--deadline", "+70min", "--", "sleep", "100")
        stack.cli("submit", "--power", "40kW", "--work", "1h", "--release", "+10h", "--", "true")
        begun = until(lambda: (stack.ask("status")["power"]["battery_w"] or 0) > 10e3
                      and stack.ask("status")["jobs"]["running"] == 1, 20)
        claims.check("SIGTERM: before it the battery discharges and a job runs",
                     begun and (battery_registers(stack) or 0) > 0,
                     f"set-point {battery_registers(stack)} W")
        states, pids = job_states(stack), set(stack.job_processes())
        process = stack.processes["controller"]
        stack.kill("controller", 15)
        claims.check("SIGTERM: the daemon ends by itself with status 0", process.returncode == 0)
        claims.check("SIGTERM: the battery's set-point is 0", battery_registers(stack) == 0,
                     battery_registers(stack))
        claims.check("SIGTERM: jobs stay as they are", job_states(stack) == states
                     and set(stack.job_processes()) == pids and len(pids) == 1, job_states(stack))
        claims.check("SIGTERM: the ledger has its clean end",
                     rows(stack, "SELECT clean FROM run") == [(1,)] and events(stack, "stopped"))
        stack.socket.unlink(missing_ok=True)
        stack.start_controller()
        claims.check("after SIGTERM: the jobs are known again", until(
            lambda: [stack.ask("status")["jobs"][s] for s in ("running", "queued")] == [1, 1]))
    finally:
        stack.stop()


def main():
    end_at_signals()
    build = pathlib.Path(sys.argv[1]).resolve()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="tidewatt-bad-"))
    claims = Claims()
    parts = {name[:-len("_claims")]: part for name, part in globals().items()
             if name in ("configuration_claims", "start_claims", "broker_claims", "device_claims",
                         "silent_meter_claims", "full_disk_claims", "terminate_claims")}
    for name in sys.argv[2:] or parts:
        own = folder / name
        if name in ("configuration", "start"):
            own.mkdir()
        started = time.monotonic()
        try:
            parts[name](claims, build, own)
        except (StackError, subprocess.SubprocessError, OSError, sqlite3.Error) as error:
            claims.check(f"{name} ran to its end", False, error)
        print(f"# {name}: {time.monotonic() - started:.0f} s", flush=True)
    return claims.close(folder)


if __name__ == "__main__":
    sys.exit(main())
