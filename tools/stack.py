"""One complete site on loopback: broker, twin and controller as child processes.

Used by the demo and by the end-to-end tests; everything it starts is stopped by its pid, also when
a signal ends the program.
"""
import atexit
import contextlib
import json
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
SITE = ROOT / "config/sites/training-hall.cfg"
TWIN_PORTS = 18
BROKER_OFFSET = 83


class StackError(Exception):
    """Something did not start or answer; the text says what and where its log is."""


class Interrupted(SystemExit):
    """A signal asked the program to end: what it started is stopped on the way out."""


class _Ending:
    """SIGTERM, SIGINT and SIGHUP end the program alike, and nothing of it stays behind."""

    def __init__(self):
        self.held, self.number = False, None

    def begin(self):
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            nohup = number == signal.SIGHUP and signal.getsignal(number) == signal.SIG_IGN
            if not nohup:  # a background shell has SIGINT ignored as well; that is undone
                signal.signal(number, self.take)

    def take(self, number, _frame):
        if self.number is not None:
            return  # stopping takes its time, and is not broken off
        self.number = number
        if not self.held:
            raise Interrupted(128 + number)

    @contextlib.contextmanager
    def hold(self):
        """The signal waits: a process just started must be known before anything is stopped."""
        self.held = True
        try:
            yield
        finally:
            self.held = False
        if self.number is not None:
            raise Interrupted(128 + self.number)


_ending = _Ending()
end_at_signals = _ending.begin


def _free(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
            return True
        except OSError:
            return False


def free_base():
    """A base port whose hundred is free on loopback, below the ephemeral range."""
    for base in random.sample(range(150, 320), 100):
        base *= 100
        if all(_free(base + n) for n in [*range(1, TWIN_PORTS + 1), BROKER_OFFSET]):
            return base
    raise StackError("no hundred free ports between 15000 and 32000 on 127.0.0.1")


def site_text(base, folder, modes, edits=()):
    """The training hall's own configuration with this stack's ports, paths and modes."""
    text = SITE.read_text()
    text = re.sub(r"127\.0\.0\.1:150(\d\d)", lambda m: f"127.0.0.1:{base + int(m[1])}", text)
    text = text.replace("port = 15083", f"port = {base + BROKER_OFFSET}")
    text = text.replace("/run/tidewatt/tidewatt.sock", f"{folder}/tidewatt.sock")
    text = text.replace("/var/lib/tidewatt/", f"{folder}/")
    text = text.replace('"../profiles"', f'"{ROOT}/config/profiles"')
    for subsystem in ("jobs", "battery", "cooling"):
        text = text.replace(f'{subsystem} = "observe"', f'{subsystem} = "{modes}"')
    for pattern, replacement in edits:
        text, count = re.subn(pattern, replacement, text)
        if count != 1:
            raise StackError(f"the site file has no single {pattern!r}")
    return text


class Stack:
    """Broker, twin and controller of one site in one folder."""

    def __init__(self, build, folder, clock, modes="observe", edits=(), twin_options=()):
        self.build = pathlib.Path(build).resolve()
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.clock = clock
        self.modes = modes
        self.edits = edits
        self.twin_options = list(twin_options)
        self.base = free_base()
        self.processes = {}
        self.database = self.folder / "tidewatt.db"
        self.truth = self.folder / "truth.csv"
        self.socket = self.folder / "tidewatt.sock"
        self.config = self.folder / "site.cfg"

    def spawn(self, name, command):
        atexit.register(self.stop)
        with open(self.folder / f"{name}.log", "ab") as log, _ending.hold():
            self.processes[name] = subprocess.Popen(
                [str(word) for word in command], stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                start_new_session=True)

    def start(self):
        self.start_plant()
        self.start_controller()

    def start_plant(self):
        self.config.write_text(site_text(self.base, self.folder, self.modes, self.edits))
        self.start_broker()
        self.start_twin(history=True)

    def start_broker(self):
        config = self.folder / "mosquitto.cfg"
        config.write_text(f"listener {self.base + BROKER_OFFSET} 127.0.0.1\nallow_anonymous true\n"
                          "persistence false\nlog_type error\nlog_type warning\n")
        path = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
        self.spawn("broker", [path, "-c", config])
        self.wait_for_port("broker", self.base + BROKER_OFFSET)

    def start_twin(self, history=False):
        command = [self.build / "tools/twin/tidewatt-twin", "--base-port", self.base,
                   "--mqtt", f"127.0.0.1:{self.base + BROKER_OFFSET}", "--clock", self.clock,
                   "--profiles", ROOT / "config/profiles", "--truth", self.truth,
                   *self.twin_options]
        if history:
            command += ["--history-days", "14", "--history", self.folder / "history.csv"]
        self.spawn("twin", command)
        self.wait_for_port("twin", self.base + TWIN_PORTS)

    def start_controller(self):
        self.spawn("controller", [self.build / "controller/core/tidewattd", "--config",
                                  self.config, "--clock", self.clock])
        self.wait_until("controller", self.socket.exists, "its socket did not appear")
        self.wait_until("controller", self.answers, "it does not answer")

    def answers(self):
        return self.cli("status", check=False).returncode == 0

    def wait_until(self, name, condition, otherwise, seconds=20):
        end = time.monotonic() + seconds
        while not condition():
            if self.processes[name].poll() is not None:
                raise StackError(f"{name} ended at its start: see {self.folder}/{name}.log")
            if time.monotonic() > end:
                raise StackError(f"{name}: {otherwise}: see {self.folder}/{name}.log")
            time.sleep(0.02)

    def wait_for_port(self, name, port):
        def listening():
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", port)) == 0
        self.wait_until(name, listening, f"nobody listens on port {port}")

    def cli(self, *words, check=True):
        result = subprocess.run(
            [str(self.build / "tools/tidewatt"), *[str(word) for word in words]],
            capture_output=True, text=True, timeout=30,
            env={**os.environ, "TIDEWATT_SOCKET": str(self.socket)})
        if check and result.returncode != 0:
            raise StackError(f"tidewatt {' '.join(map(str, words))}: {result.stderr.strip()}")
        return result

    def ask(self, *words):
        return json.loads(self.cli(*words, "--json").stdout)

    def kill(self, name, number=signal.SIGKILL):
        process = self.processes[name]
        process.send_signal(number)
        process.wait(timeout=20)
        del self.processes[name]

    def job_processes(self):
        """Process groups of jobs that still live."""
        return [pid for pid, _ in self.live_jobs()]

    def live_jobs(self):
        """Process group and directory of each job that still lives."""
        for pid_file in self.folder.glob("jobs/*/pid"):
            words = pid_file.read_text().split()
            if words and words[0].isdigit() and pathlib.Path(f"/proc/{words[0]}").exists():
                yield int(words[0]), pid_file.parent

    def stop(self):
        """Also when an earlier call was broken off by a signal."""
        for name in ("controller", "twin", "broker"):
            process = self.processes.get(name)
            if process is not None and process.poll() is None:
                self.end(process)
            self.processes.pop(name, None)
        self.end_jobs()
        atexit.unregister(self.stop)

    @staticmethod
    def end(process):
        process.terminate()
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def end_jobs(self):
        """Kills what is left of the jobs and waits until their supervisors have said so."""
        killed = list(self.live_jobs())
        for pid, _ in killed:
            try:
                os.killpg(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        end = time.monotonic() + 10
        while time.monotonic() < end and not all((home / "exit").exists() for _, home in killed):
            time.sleep(0.02)
