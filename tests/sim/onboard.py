#!/usr/bin/env python3
"""Self-onboarding end to end: twin and mosquitto, `tidewatt check --discover`, and a controller.

Usage: onboard.py BUILD. The controller takes devices from the metadata, keeps them while the broker
is away, and tells when building management describes others or falls silent. Prints one line a
claim and `N passed, N failed` last; exit status 1 when a claim fails.
"""
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT / "tools"), str(ROOT / "tests/sim")]
from e2e import Claims, rows  # noqa: E402
from stack import BROKER_OFFSET, Stack, end_at_signals  # noqa: E402

CLIENT = r'client_id = "tidewatt-training-hall";'
RACK = "training-hall_rowa_rack1"


def until(condition, seconds=30):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.1)
    return True


def publish(stack, topic, payload):
    subprocess.run(["mosquitto_pub", "-h", "127.0.0.1", "-p", str(stack.base + BROKER_OFFSET),
                    "-t", topic, "-m", payload, "-r", "-q", "1"], check=True, timeout=10)


def events(stack, name):
    return rows(stack, "SELECT event.text FROM event JOIN event_kind USING (kind) WHERE name = ?",
                name)


def devices(stack):
    return {device["name"]: device for device in stack.ask("status")["devices"]}


def restart(stack):
    stack.kill("controller", 15)
    stack.start_controller()


def discover_claims(claims, stack):
    until(lambda: stack.cli("check", "--discover", stack.config, check=False).returncode == 0)
    text = stack.cli("check", "--discover", stack.config).stdout
    claims.check("discover shows the utility meter and why",
                 re.search(r"training-hall_utility: PowerMeter, role utility: \S+", text))
    claims.check("discover shows racks as IT", f"{RACK}: Rack, role rack_pdu" in text)
    claims.check("discover shows our heartbeats",
                 "BMS/v1/tidewatt/Value/System/HeartbeatTimestampIntegration" in text)
    claims.check("discover shows what is not used", "Points that are not used" in text)
    config = stack.cli("check", "--discover", "--config", stack.config).stdout
    unfinished = stack.folder / "unfinished.cfg"
    port = stack.base + BROKER_OFFSET
    unfinished.write_text(f'mqtt: {{ host = "127.0.0.1"; port = {port}; }};')
    again = stack.cli("check", "--discover", "--config", unfinished).stdout
    claims.check("a file with no more than a broker is enough to discover",
                 f'name = "{RACK}"' in again)
    claims.check("the proposal is text for a configuration", f'name = "{RACK}"' in config)
    nobody = stack.folder / "nobody.cfg"
    nobody.write_text("mqtt: { host = \"127.0.0.1\"; port = 1; };")
    away = stack.cli("check", "--discover", "--for", "1 s", nobody, check=False)
    claims.check("a broker that is away is said so",
                 away.returncode == 1 and "cannot be reached" in away.stdout, away.stdout.strip())


def first_start_claims(claims, stack):
    known = devices(stack)
    claims.check("onboarded devices are in status", RACK in known, sorted(known)[-3:])
    claims.check("they have no role without the operator's word",
                 known.get(RACK, {}).get("role") == "none")
    claims.check("the site's own file comes first",
                 known["weather"]["points"] == 4 and "training-hall_hall" not in known
                 and "training-hall_weather_outdoor" not in known)
    claims.check("their values come in",
                 until(lambda: devices(stack)[RACK]["good_points"] == 1))
    claims.check("the ledger tells onboarded", until(lambda: len(events(stack, "onboarded")) == 1))
    claims.check("check counts them",
                 "onboarded from building management" in stack.cli("check", stack.config).stdout)


def heartbeat_claims(claims, stack):
    heard = subprocess.run(
        ["mosquitto_sub", "-h", "127.0.0.1", "-p", str(stack.base + BROKER_OFFSET), "-v", "-t",
         "BMS/v1/tidewatt/Value/System/#", "-W", "14"],
        capture_output=True, text=True, timeout=40).stdout
    claims.check("our heartbeat is published", "System/HeartbeatTimestampIntegration" in heard)
    claims.check("and that of building management is said back",
                 "System/HeartbeatEchoIntegration" in heard)


def role_claims(claims, stack):
    stack.config.write_text(stack.config.read_text().replace(
        "onboard_roles = false", "onboard_roles = true"))
    restart(stack)
    known = devices(stack)
    claims.check("the operator's word gives roles", known[RACK]["role"] == "rack_pdu")
    claims.check("but never a utility meter", known["training-hall_utility"]["role"] == "none")


def change_claims(claims, stack):
    meter = {"objectType": "PowerMeter", "pointType": "ActivePower", "objectName": "New",
             "objectId": "new-meter", "servesId": [], "engUnit": "kW"}
    time.sleep(12)  # the metadata that is there already is judged first, and is nothing new
    claims.check("metadata that is known is no change", not events(stack, "metadata_changed"))
    publish(stack, "BMS/v1/PUB/Metadata/PowerMeter/ActivePower/training-hall/new",
            json.dumps(meter))
    claims.check("other metadata is told", until(lambda: events(stack, "metadata_changed"), 90))
    claims.check("and does not change the topology", "new-meter" not in devices(stack))
    restart(stack)
    claims.check("a restart takes it in", "new-meter" in devices(stack))


def silence_claims(claims, stack):
    stack.kill("twin")
    claims.check("building management that falls silent is told",
                 until(lambda: events(stack, "bms_silent"), 60))
    claims.check("status says so", stack.ask("status")["broker"]["bms_silent"] is True)
    claims.check("and its values are not trusted",
                 until(lambda: devices(stack)[RACK]["worst_reason"] == "source_dead"),
                 devices(stack)[RACK]["worst_reason"])
    stack.start_twin()
    claims.check("it is told when it is heard again", until(lambda: events(stack, "bms_found")))


def away_claims(claims, stack):
    stack.kill("controller", 15)
    stack.kill("broker")
    stack.start_controller()
    claims.check("without a broker the devices of last time stand", RACK in devices(stack))
    claims.check("and the ledger says why", until(lambda: events(stack, "onboarding_failed")))
    stack.kill("controller", 15)
    kept = stack.folder / "onboarded.cfg"
    kept.write_text(kept.read_text().replace('point = "power_w"', 'point = "power_q"', 1))
    stack.start_controller()
    claims.check("a spoilt file costs the onboarded devices, not the start",
                 RACK not in devices(stack) and "utility" in devices(stack))
    claims.check("check names the file and line",
                 re.search(r"warning: .*onboarded.cfg:\d+",
                           stack.cli("check", stack.config).stdout))


def main():
    end_at_signals()
    build = pathlib.Path(sys.argv[1]).resolve()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="tidewatt-onboard-"))
    claims = Claims()
    options = ' onboard = "5 s"; onboard_roles = false; integration = "tidewatt";'
    stack = Stack(build, folder, f"2026-06-15T10:00:00Z/{time.time():.1f}/1",
                  edits=[(CLIENT, CLIENT + options)], twin_options=["--value-every", "2 s"])
    try:
        stack.start_plant()
        discover_claims(claims, stack)
        stack.start_controller()
        first_start_claims(claims, stack)
        heartbeat_claims(claims, stack)
        role_claims(claims, stack)
        change_claims(claims, stack)
        silence_claims(claims, stack)
        away_claims(claims, stack)
    finally:
        stack.stop()
    return claims.close(folder)


if __name__ == "__main__":
    sys.exit(main())
