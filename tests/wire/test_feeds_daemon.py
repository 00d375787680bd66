#!/usr/bin/env python3
"""Feeds in the real controller: HTTP, a file and MQTT (mosquitto) at once, as the status, the
forecast, the ledger and the log show them; and a key that shows in none of them.

Usage: test_feeds_daemon.py TIDEWATTD TIDEWATT. Exit status 1 when a claim fails.
"""
import json
import pathlib
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
KEY = "s3cret-key-of-ours"
PATIENCE_S = 40
SPEED = 20  # site time runs so fast: forecasts are made each minute of it


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def iso(moment_s):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(moment_s))


def document(value):
    start = int(time.time()) // 3600 * 3600
    return json.dumps({"issue": time.time(), "rows": [
        {"t": start + 3600 * i, "v": value + i} for i in range(4)]})


ROWS = 'format = "rows"; rows = "/rows"; time = "/t"; value = "/v"; issue = "/issue"; '
SITE = """
site: {{ name = "feeds"; }};
controller: {{ socket = "{folder}/socket"; }};
forecast: {{ every = "1 min"; }};
store: {{ path = "{folder}/tidewatt.db"; }};
jobs: {{ spool = "{folder}/jobs"; }};
limits: {{ import = "1 MW"; import_fail_safe = "1 MW"; }};
feeders: ( {{ name = "A"; limit = "450 kW"; }} );
mqtt: {{ host = "127.0.0.1"; port = {broker}; }};
devices: ( {{ name = "u"; role = "utility"; points: (
  {{ point = "power_w"; unit = "kW"; topic = "grid/power"; }} ); }} );
feeds: (
  {{ name = "by-http"; url = "http://127.0.0.1:{server}/{path}"; every = "1 s"; {rows}
    key_file = "key"; key_in = "query:token"; tracks: ( {{ track = "carbon_g_per_kwh"; }} ); }},
  {{ name = "by-file"; file = "price.json"; every = "1 s"; time_form = "s"; {rows}
    tracks: ( {{ track = "price_per_mwh"; kind = "settled"; }} ); }},
  {{ name = "by-mqtt"; topic = "weather/roof"; time_form = "s"; {rows}
    tracks: ( {{ track = "temp_outdoor_c"; }} ); }}
);
"""


class Site:
    def __init__(self, folder, daemon, tool):
        self.folder, self.daemon, self.tool = folder, daemon, tool
        self.processes = {}
        start = time.time()
        self.clock = f"{iso(start)}/{start:.3f}/{SPEED}"
        self.broker_port = free_port()
        (folder / "key").write_text(KEY + "\n")
        (folder / "key").chmod(0o600)
        (folder / "mosquitto.cfg").write_text(
            f"listener {self.broker_port} 127.0.0.1\nallow_anonymous true\n")
        broker = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
        self.start("broker", broker, "-c", str(folder / "mosquitto.cfg"))
        server = self.start("server", sys.executable, str(HERE / "feed_server.py"),
                            stdout=subprocess.PIPE, text=True)
        self.server_port = int(server.stdout.readline())

    def start(self, name, *words, **options):
        options.setdefault("stdout", subprocess.DEVNULL)
        with open(self.folder / f"{name}.log", "ab") as log:
            self.processes[name] = subprocess.Popen(words, stderr=log, **options)
        return self.processes[name]

    def stop(self, name):
        process = self.processes.pop(name)
        process.terminate()
        process.wait(timeout=20)
        if process.stdout:
            process.stdout.close()
        return process.returncode

    def run(self, path):
        (self.folder / "site.cfg").write_text(SITE.format(
            folder=self.folder, broker=self.broker_port, server=self.server_port, path=path,
            rows=ROWS))
        self.start("tidewattd", self.daemon, "--config", str(self.folder / "site.cfg"),
                   "--clock", self.clock)

    def cli(self, *words):
        return subprocess.run([self.tool, words[0], "--socket", str(self.folder / "socket"),
                               *words[1:]], capture_output=True, text=True, check=False).stdout

    def status(self, *options):
        return self.cli("status", *options)

    def feeds(self):
        try:
            return {feed["name"]: feed for feed in json.loads(self.status("--json"))["feeds"]}
        except json.JSONDecodeError:
            return {}

    def publish(self, text):
        subprocess.run(["mosquitto_pub", "-h", "127.0.0.1", "-p", str(self.broker_port), "-t",
                        "weather/roof", "-m", text, "-r"], check=True, timeout=10)

    def events(self):
        with sqlite3.connect(f"file:{self.folder}/tidewatt.db?mode=ro", uri=True) as ledger:
            return ledger.execute("SELECT name, subject, event.text FROM event JOIN event_kind "
                                  "USING (kind) ORDER BY event.rowid").fetchall()


def until(what, condition):
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end, f"it did not come: {what}"
        time.sleep(0.1)


def all_alive(site):
    feeds = site.feeds()
    return len(feeds) == 3 and all(feed["alive"] and feed["news_age_ms"] is not None
                                   for feed in feeds.values())


def forecast(site):
    """The daemon says where its ledger is; series by name."""
    try:
        return {row["series"]: row
                for row in json.loads(site.cli("forecast", "--json"))["forecasts"]}
    except json.JSONDecodeError:
        return {}


def steps_at(rows, series, value):
    """So many steps of its forecast say just that."""
    return sum(abs(step["p50"] - value) < 0.01 for step in rows.get(series, {}).get("steps", ()))


def lost(site, name):
    return not site.feeds().get(name, {"alive": True})["alive"]


def told(site, event, subject):
    return [text for name, whose, text in site.events() if (name, whose) == (event, subject)]


def claims(site):
    (site.folder / "price.json").write_text(document(50))
    site.publish(document(10))
    site.run("good")
    until("news of all three", lambda: all_alive(site))
    table = site.status()
    assert "by-http" in table and "FEED" in table, table
    until("the auction's prices in the forecast",
          lambda: steps_at(forecast(site), "price_per_mwh", 51) >= 1)
    shown = site.cli("forecast")
    assert "nothing was ever measured of it" in shown and "IN 24 H" in shown, shown
    history = site.cli("forecast", "--history", "--at", iso(time.time() + 3600), "--about",
                       iso(time.time() + 3600))
    assert "by-mqtt said" in history, history

    (site.folder / "price.json").write_text(document(60)[:50])
    until("a half-written file", lambda: lost(site, "by-file"))
    site.publish("{")
    site.publish("{")
    until("broken messages", lambda: lost(site, "by-mqtt"))
    assert site.feeds()["by-file"]["reason"] == "feed_malformed"
    assert site.feeds()["by-http"]["alive"]
    (site.folder / "price.json").write_text(document(60))
    until("the file is back", lambda: not lost(site, "by-file"))
    assert site.stop("tidewattd") == 0
    assert len(told(site, "feed_lost", "by-file")) == len(told(site, "feed_back", "by-file")) == 1

    site.run("html")
    until("a provider without sense", lambda: lost(site, "by-http"))
    cause = site.feeds()["by-http"]["cause"]
    assert "no JSON" in cause, cause
    shown = site.status() + site.status("--json")
    assert site.stop("tidewattd") == 0
    assert len(told(site, "feed_lost", "by-http")) == 1, site.events()
    for path in site.folder.rglob("*"):
        if path.is_file() and path.name != "key":
            assert KEY.encode() not in path.read_bytes(), f"the key is in {path.name}"
    assert KEY not in shown


def main():
    with tempfile.TemporaryDirectory(prefix="tidewatt-feeds-") as folder:
        site = Site(pathlib.Path(folder), sys.argv[1], sys.argv[2])
        try:
            claims(site)
        except BaseException:
            log = pathlib.Path(folder) / "tidewattd.log"
            print(log.read_text() if log.exists() else "tidewattd did not start")
            raise
        finally:
            for name in list(site.processes):
                site.stop(name)


main()
