#!/usr/bin/env python3
"""A demo that a signal ends leaves no process behind, whenever the signal comes.

Usage: interrupted.py BUILD. Prints one line a claim and `N passed, N failed` last; exit status 1
when a claim fails.
"""
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT / "tools"), str(ROOT / "tests/sim")]
from e2e import Claims  # noqa: E402
from stack import end_at_signals  # noqa: E402

WAIT_S = 40


def processes_of(folder):
    """What runs with this folder in its command line, or in it."""
    found = {}
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            if str(folder) in command or str(folder) in str((process / "cwd").readlink()):
                found[int(process.name)] = command
        except OSError:
            pass  # it has ended meanwhile, or is somebody else's
    return found


def wait_for(demo, condition):
    end = time.monotonic() + WAIT_S
    while not condition() and demo.poll() is None and time.monotonic() < end:
        time.sleep(0.02)


def interrupt(claims, build, folder, number, moment, options=()):
    """Signals twice, as the impatient do, once this file of the demo is there."""
    name = f"{signal.Signals(number).name} at {moment} {' '.join(options)}".rstrip()
    demo = subprocess.Popen([sys.executable, ROOT / "tools/demo.py", "--build", build, "--folder",
                             folder, *options], stdout=subprocess.DEVNULL,
                            stderr=subprocess.DEVNULL)
    try:
        wait_for(demo, (folder / moment).exists)
        begun = demo.poll() is None and len(processes_of(folder)) > 1
        demo.send_signal(number)
        time.sleep(0.1)
        demo.send_signal(number)
        demo.wait(timeout=WAIT_S)
    finally:
        if demo.poll() is None:
            demo.kill()
            demo.wait()
    left = processes_of(folder)
    claims.check(f"{name}: nothing is left running", begun and not left,
                 (left or "") if begun else "there was nothing to end")


def main():
    end_at_signals()
    build = pathlib.Path(sys.argv[1]).resolve()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="tidewatt-interrupted-"))
    claims = Claims()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        interrupt(claims, build, folder / f"live-{number}", number, "tidewatt.sock", ["--live"])
    interrupt(claims, build, folder / "starting", signal.SIGTERM, "twin.log", ["--live"])
    interrupt(claims, build, folder / "day", signal.SIGTERM, "with/broker.log")
    interrupt(claims, build, folder / "day-late", signal.SIGHUP, "with/tidewatt.sock")
    return claims.close(folder)


if __name__ == "__main__":
    sys.exit(main())
