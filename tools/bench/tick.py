#!/usr/bin/env python3
"""What a tick costs: the real tidewattd at 1 Hz over 50 devices of 4 register blocks each.

Usage: tick.py BUILD [SECONDS]. Prints processor time as a share of one core and resident memory,
each beside its limit (2 %, 32 MiB), and a bare client's processor time for the same requests.
"""
import asyncio
import os
import pathlib
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

DEVICES, BLOCKS, BLOCK_SPAN = 50, 4, 400
POINTS = [["power_w", "power_reactive_var", "power_apparent_va", "voltage_v"],
          ["energy_import_wh", "energy_export_wh", "current_a", "frequency_hz"],
          ["load_pct", "soc_pct", "soh_pct", "temp_supply_c"],
          ["temp_return_c", "temp_inlet_c", "fan_speed_pct", "pump_speed_pct"]]
UNITS = {"w": "W", "var": "var", "va": "VA", "v": "V", "wh": "Wh", "a": "A", "hz": "Hz", "pct": "%",
         "c": "C"}
CPU_LIMIT_PCT, MEMORY_LIMIT_MIB = 2.0, 32.0


def profile_text():
    rows = []
    for block, points in enumerate(POINTS):
        for index, point in enumerate(points):
            unit = UNITS[point.rsplit("_", 1)[1]]
            rows.append(f'{{ point = "{point}"; address = {block * BLOCK_SPAN + 2 * index}; '
                        f'type = "u32"; unit = "{unit}"; }}')
    return ('profile: { name = "bench"; maker = "none"; model = "none"; source = "benchmark"; '
            'grade = "tested"; points: (\n' + ",\n".join(rows) + "\n); };\n")


def site_text(folder, ports):
    devices = ",\n".join(
        f'{{ name = "m{n}"; role = "{"utility" if n == 0 else "auxiliary"}"; profile = "bench"; '
        f'address = "127.0.0.1:{port}"; }}' for n, port in enumerate(ports))
    return f"""
site: {{ name = "bench"; }};
controller: {{ socket = "{folder}/socket"; }};
store: {{ path = "{folder}/bench.db"; }};
jobs: {{ spool = "{folder}/jobs"; }};
limits: {{ import = "1 MW"; import_fail_safe = "1 MW"; }};
profiles = "{folder}";
feeders: ( {{ name = "A"; limit = "1 MW"; }} );
devices: ( {devices} );
"""


async def answer(reader, writer):
    """A meter: every register counts up."""
    count = 0
    try:
        while True:
            head = await reader.readexactly(12)
            registers = struct.unpack(">H", head[10:12])[0]
            count += 1
            data = struct.pack(">H", count % 1000) * registers
            writer.write(head[:4] + struct.pack(">H", 3 + len(data)) + head[6:8] +
                         bytes([len(data)]) + data)
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


def serve_forever(pipe):
    async def run():
        servers = [await asyncio.start_server(answer, "127.0.0.1", 0) for _ in range(DEVICES)]
        ports = [server.sockets[0].getsockname()[1] for server in servers]
        os.write(pipe, (" ".join(map(str, ports)) + "\n").encode())
        await asyncio.Event().wait()
    asyncio.run(run())


def start_meters():
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reader)
        serve_forever(writer)
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        return pid, [int(port) for port in pipe.readline().split()]


def processor_s(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_mib(pid, key):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(key):
            return int(line.split()[1]) / 1024
    return float("nan")


def bare_client_s(ports, rounds):
    """Processor seconds of a plain blocking client for the same requests."""
    links = [socket.create_connection(("127.0.0.1", port)) for port in ports]
    begin = time.process_time()
    for _ in range(rounds):
        for link in links:
            for block in range(BLOCKS):
                link.sendall(struct.pack(">HHHBBHH", 1, 0, 6, 1, 3, block * BLOCK_SPAN, 8))
                link.recv(64)
    spent = time.process_time() - begin
    for link in links:
        link.close()
    return spent


def measure(daemon, seconds):
    time.sleep(5)
    begin, cpu = time.monotonic(), processor_s(daemon.pid)
    time.sleep(seconds)
    if daemon.poll() is not None:
        raise ProcessLookupError
    share = (processor_s(daemon.pid) - cpu) / (time.monotonic() - begin) * 100
    return share, memory_mib(daemon.pid, "VmRSS"), memory_mib(daemon.pid, "VmHWM")


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    seconds = int(sys.argv[2]) if len(sys.argv) > 2 else 60
    meters, ports = start_meters()
    with tempfile.TemporaryDirectory(prefix="tidewatt-bench-") as name:
        folder = pathlib.Path(name)
        (folder / "bench.cfg").write_text(profile_text())
        (folder / "site.cfg").write_text(site_text(folder, ports))
        log = open(folder / "log", "wb")
        daemon = subprocess.Popen([build / "controller/core/tidewattd", "-c", folder / "site.cfg"],
                                  stdout=log, stderr=log)
        try:
            share, resident, peak = measure(daemon, seconds)
            bare = bare_client_s(ports, 20) / 20 * 100
        except (FileNotFoundError, ProcessLookupError):
            sys.exit((folder / "log").read_text())
        finally:
            daemon.terminate()
            daemon.wait()
            os.kill(meters, signal.SIGTERM)
            os.waitpid(meters, 0)
    print(f"{DEVICES} devices x {BLOCKS} blocks at 1 Hz for {seconds} s")
    print(f"processor       {share:6.2f} % of a core   limit {CPU_LIMIT_PCT} %   "
          f"ratio {share / CPU_LIMIT_PCT:.2f}")
    print(f"resident        {resident:6.1f} MiB (peak {peak:.1f})   limit {MEMORY_LIMIT_MIB:.0f} MiB   "
          f"ratio {peak / MEMORY_LIMIT_MIB:.2f}")
    print(f"bare client     {bare:6.2f} % of a core for the same requests (blocking, Python)")


if __name__ == "__main__":
    main()
