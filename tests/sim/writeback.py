#!/usr/bin/env python3
"""Set-points over MQTT end to end: twin, mosquitto, a controller, and a building management of ours.

Usage: writeback.py BUILD. Cooling is controlled through a write-back topic: what is decided reaches
the broker, what is read back is its outcome in the ledger, and the safe state goes out at the end.
Prints one line a claim and `N passed, N failed` last; exit status 1 when a claim fails.
"""
import datetime
import json
import pathlib
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT / "tools"), str(ROOT / "tests/sim")]
from e2e import Claims, rows  # noqa: E402
from onboard import events, publish, until  # noqa: E402
from stack import BROKER_OFFSET, Stack, end_at_signals  # noqa: E402

SITE_START = datetime.datetime(2026, 6, 15, 10, tzinfo=datetime.timezone.utc)
REQUEST = "BMS/v1/TIDEWATT/Value/CDU/LiquidTemperatureSpRequest/loop"
READ_BACK = "BMS/v1/PUB/Value/CDU/LiquidTemperatureSp/loop"
SUPPLY = "BMS/v1/PUB/Value/CDU/LiquidTemperature/loop"
FIRST_C, SAFE_C = 18.0, 16.0
LOOP = f"""devices: (
  {{ name = "loop"; role = "none"; stale_after = "1 h"; points: (
    {{ point = "temp_supply_c"; unit = "C"; topic = "{SUPPLY}"; }},
    {{ point = "temp_supply_set_c"; unit = "C"; topic = "{READ_BACK}"; write_topic = "{REQUEST}";
      write: {{ low = 10.0; high = 30.0; answer = "5 s"; }}; }} ); }},"""
EDITS = [(r"devices: \(", LOOP),
         ('supply_device = "chiller";', 'supply_device = "loop"; every = "10 s";'),
         ('cooling = "observe"', 'cooling = "control"')]


class BuildingManagement:
    """Takes requested set-points over, and says so."""

    def __init__(self, stack, real_start):
        self.stack, self.real_start = stack, real_start
        self.requests = []
        self.listener = subprocess.Popen(
            ["mosquitto_sub", "-h", "127.0.0.1", "-p", str(stack.base + BROKER_OFFSET),
             "-t", REQUEST], stdout=subprocess.PIPE, text=True)
        self.thread = threading.Thread(target=self.answer)
        self.thread.start()
        self.say(SUPPLY, FIRST_C)
        self.say(READ_BACK, FIRST_C)

    def say(self, topic, value):
        site_ms = SITE_START.timestamp() * 1000 + (time.time() - self.real_start) * 1000
        publish(self.stack, topic,
                json.dumps({"value": value, "timestamp": int(site_ms), "quality": 1}))

    def answer(self):
        for line in self.listener.stdout:
            self.requests.append(json.loads(line))
            self.say(READ_BACK, self.requests[-1]["value"])

    def stop(self):
        self.listener.terminate()
        self.listener.wait()
        self.thread.join()


def outcomes(stack):
    found = rows(stack, "SELECT value, outcome FROM v_setpoint_write "
                        "WHERE point = 'loop.temp_supply_set_c' ORDER BY at_ms")
    return [(round(value, 6), outcome) for value, outcome in found]


def control_claims(claims, stack, bms):
    claims.check("a set-point reaches its topic", until(lambda: bms.requests, 60))
    request = bms.requests[0] if bms.requests else {}
    claims.check("as the contract wants it", request.get("quality") == 1 and
                 request.get("value", 0) > FIRST_C and "timestamp" in request, request)
    claims.check("what is read back confirms it in the ledger",
                 until(lambda: (round(request.get("value", 0), 6), "write_confirmed")
                       in outcomes(stack)),
                 outcomes(stack))


def shutdown_claims(claims, stack, bms):
    before = len(bms.requests)
    stack.kill("controller", 15)
    claims.check("the safe state is published at shutdown",
                 until(lambda: len(bms.requests) > before, 5) and
                 bms.requests[-1]["value"] == SAFE_C, bms.requests[before:])
    claims.check("and confirmed in the ledger", (SAFE_C, "write_confirmed") in outcomes(stack),
                 outcomes(stack))
    claims.check("the ledger tells so", any("1 of 1 safe set-points confirmed" in text
                                            for text, in events(stack, "stopped")))
    log = (stack.folder / "controller.log").read_text()
    claims.check("nothing was left unwritten", "not written" not in log)


def main():
    end_at_signals()
    build = pathlib.Path(sys.argv[1]).resolve()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="tidewatt-writeback-"))
    claims = Claims()
    real_start = round(time.time(), 1)
    stack = Stack(build, folder, f"{SITE_START:%Y-%m-%dT%H:%M:%SZ}/{real_start}/1", edits=EDITS,
                  twin_options=["--value-every", "2 s"])
    bms = None
    try:
        stack.start_plant()
        bms = BuildingManagement(stack, real_start)
        stack.start_controller()
        control_claims(claims, stack, bms)
        shutdown_claims(claims, stack, bms)
    finally:
        if bms:
            bms.stop()
        stack.stop()
    return claims.close(folder)


if __name__ == "__main__":
    sys.exit(main())
