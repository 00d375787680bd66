#!/usr/bin/env python3
"""The house keeps its floors: no include points up or across, no library is used outside its files,
and every folder opens with a README that says what lives there and what may not.

Usage: floors.py ROOT. Prints each violation; exit status 1 when there is one.
"""
import os
import pathlib
import re
import sys

# Floor and room of a path, first match wins. Rooms on one floor do not know each other.
ROOMS = [
    (r"controller/base/", 1, "base"),
    (r"controller/plant/", 2, "plant"),
    (r"controller/forecast/", 3, "forecast"),
    (r"controller/plan/", 3, "plan"),
    (r"controller/act/", 3, "act"),
    (r"controller/core/cycle", 4, "cycle"),
    (r"controller/store/", 5, "store"),
    (r"controller/serve/", 6, "serve"),
    (r"drivers/", 6, "drivers"),
    (r"controller/core/", 7, "main"),
    (r"tools/twin/(csv|series)\.", 7, "series"),  # of the backtest as well
    (r"tools/twin/", 8, "twin"),
    (r"tools/bench/", 8, "bench"),
    (r"tools/", 8, "cli"),
    (r"tests/", 9, "tests"),
    (r"schema/", 0, "schema"),
]
PURE_FLOORS = {2, 3, 4}

# One driver does not know another: what each may include of the drivers folder.
SHARED_BY_DRIVERS = {"driver.h", "batch.h", "profile.h"}
DRIVER_FAMILIES = [r"modbus_|poll_|tcp_link|sunspec|rtu_owed|profile", r"mqtt|sparkplug|dsx_", r"batch_|jobexec", r"feed"]

# Library header -> the files outside tests/ that may include it.
LIBRARIES = {
    r"libconfig\.h": [r"controller/base/conf\.c"],
    r"sqlite3\.h": [r"controller/store/.*"],
    r"coin/.*|Clp_C_Interface\.h": [r"controller/plan/lp_clp\.c"],
    r"lapacke\.h": [r"controller/forecast/ridge\.c"],
    r"curl/.*": [r"drivers/feed_http\.c"],
    r"mosquitto\.h": [r"drivers/mqtt_connection\.c", r"tools/twin/bms_mqtt\.c", r"tools/bench/.*"],
    r"modbus(/modbus)?\.h": [r"drivers/modbus_serial\.c", r"tools/twin/modbus_server\.c", r"tools/bench/.*"],
    r"protobuf-c/.*|.*\.pb-c\.h": [r"drivers/sparkplug\.c"],
    r"systemd/.*": [r"controller/core/service_systemd\.c"],
    r"uv\.h": [r"drivers/.*", r"tools/bench/.*", r"controller/serve/.*", r"controller/core/daemon.*",
                 r"controller/core/onboard\.c"],
    r"jansson\.h": [r"drivers/.*", r"controller/serve/.*", r"controller/core/check\.c", r"tools/.*"],
    r"pthread\.h": [r"controller/base/queue\.c", r"controller/store/.*", r"drivers/mqtt.*",
                    r"drivers/feed\.c", r"drivers/modbus_serial\.c",
                    r"controller/core/planner\.c", r"tools/twin/.*"],
}

# What a pure room must not touch: files, sockets, clocks, threads, logging, the environment.
IMPURE_HEADERS = {"time.h", "unistd.h", "pthread.h", "fcntl.h", "sys/socket.h", "sys/stat.h", "uv.h",
                  "signal.h", "sys/time.h", "threads.h", "sys/types.h", "netinet/in.h", "poll.h"}
IMPURE_OWN = {"controller/base/log.h", "controller/base/clock.h", "controller/base/queue.h",
              "controller/base/conf.h"}
IMPURE_CALLS = re.compile(
    r"\b(fopen|fprintf|printf|puts|open|read|write|time|clock|gettimeofday|clock_gettime|getenv|"
    r"rand|random|srand|usleep|sleep|abort|exit|system)\s*\(")

# Folders of nothing but data have none: the seeds of one fuzz target each.
WITHOUT_README = re.compile(r"tests/fuzz/corpus/\w+")
# Made by builds and tools, or not of the house.
NO_FOLDERS = re.compile(r"build.*|subprojects|__pycache__|node_modules|\..*")

INCLUDE = re.compile(r'^\s*#\s*include\s+(?:"([^"]+)"|<([^>]+)>)', re.M)
COMMENTS_AND_STRINGS = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\])*"', re.S)


def room_of(path):
    for pattern, floor, room in ROOMS:
        if re.match(pattern, path):
            return floor, room
    return None


def family_of(name):
    for number, pattern in enumerate(DRIVER_FAMILIES):
        if re.match(pattern, name):
            return number
    return None


def own_include(path, target):
    here, there = room_of(path), room_of(target)
    if there is None:
        return f"includes {target}, which lies in no room of the house"
    if there[0] > here[0]:
        return f"includes {target}: points up from floor {here[0]} to {there[0]}"
    if there[0] == here[0] and there[1] != here[1]:
        return f"includes {target}: points across from {here[1]} to {there[1]}"
    if here[1] == there[1] == "drivers":
        name = target.split("/")[-1]
        mine, its = family_of(path.split("/")[-1]), family_of(name)
        if name not in SHARED_BY_DRIVERS and its is not None and mine != its:
            return f"includes {target}: one driver does not know another"
    if here[0] in PURE_FLOORS and target in IMPURE_OWN:
        return f"includes {target}: {here[1]} is a pure room"
    return None


def library_include(path, header):
    for pattern, allowed in LIBRARIES.items():
        if re.fullmatch(pattern, header) and not path.startswith("tests/"):
            if not any(re.fullmatch(place, path) for place in allowed):
                return f"includes <{header}>, which belongs to {', '.join(allowed)}"
    if room_of(path)[0] in PURE_FLOORS and header in IMPURE_HEADERS:
        return f"includes <{header}>: {room_of(path)[1]} is a pure room"
    return None


def folders_without_readme(root):
    for folder, inside, files in os.walk(root):
        inside[:] = sorted(name for name in inside if not NO_FOLDERS.fullmatch(name))
        path = pathlib.Path(folder).relative_to(root).as_posix()
        if files and "README.md" not in files and not WITHOUT_README.fullmatch(path):
            yield path, "has no README.md: say in three lines what lives there and what may not"


def violations(root):
    for file in sorted(root.rglob("*.[ch]")):
        path = file.relative_to(root).as_posix()
        if path.startswith(("build", ".", "subprojects")):
            continue
        if room_of(path) is None:
            yield path, "lies in no room of the house"
            continue
        text = file.read_text(encoding="utf-8")
        for own, library in INCLUDE.findall(text):
            if own and "/" not in own:
                yield path, f'includes "{own}": write the path from the root'
                continue
            verdict = own_include(path, own) if own else library_include(path, library)
            if verdict:
                yield path, verdict
        if room_of(path)[0] in PURE_FLOORS:
            code = COMMENTS_AND_STRINGS.sub("", text)
            for call in IMPURE_CALLS.findall(code):
                yield path, f"calls {call}(): {room_of(path)[1]} is a pure room"


def main():
    root = pathlib.Path(sys.argv[1])
    found = [*violations(root), *folders_without_readme(root)]
    for path, verdict in found:
        print(f"{path}: {verdict}")
    if not any(root.glob("controller/*/*.c")):
        print(f"{root}: no sources found")
        return 1
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
