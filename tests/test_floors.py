#!/usr/bin/env python3
"""The test of the floors test: each kind of violation is found, a clean house passes."""
import pathlib
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import floors  # noqa: E402

CASES = [
    ("controller/plant/x.c", '#include "controller/store/store.h"', "points up"),
    ("controller/plan/x.c", '#include "controller/act/guard.h"', "points across"),
    ("drivers/x.c", '#include "controller/serve/api.h"', "points across"),
    ("drivers/mqtt_x.c", '#include "drivers/modbus_master.h"', "does not know another"),
    ("controller/core/main.c", "#include <sqlite3.h>", "belongs to"),
    ("controller/plan/x.c", "#include <time.h>", "pure room"),
    ("controller/plan/x.c", '#include "controller/base/log.h"', "pure room"),
    ("controller/core/cycle_x.c", "int f(void) { return getenv(\"A\") != 0; }", "calls getenv"),
    ("controller/base/x.c", '#include "clock.h"', "path from the root"),
    ("attic/x.c", "", "no room"),
    ("controller/plant/x.c", '#include "controller/base/utc.h"', None),
    ("controller/core/cycle_x.c", "/* fopen() is not called here */", None),
]


FOLDERS = [
    (["README.md", "drivers/README.md", "drivers/x.c"], []),
    (["README.md", "drivers/x.c"], ["drivers"]),
    (["README.md", "a/b/c/x.c"], ["a/b/c"]),
    (["a.c"], ["."]),
    (["README.md", "tests/fuzz/corpus/README.md", "tests/fuzz/corpus/mqtt/x.bin"], []),
    (["README.md", "build-x/y/z.o", ".git/x", "tools/__pycache__/x.pyc"], []),
]


def make(folder, path, text):
    file = pathlib.Path(folder) / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text + "\n")


def main():
    wrong = 0
    for paths, expected in FOLDERS:
        with tempfile.TemporaryDirectory() as folder:
            for path in paths:
                make(folder, path, "")
            found = [path for path, _ in floors.folders_without_readme(pathlib.Path(folder))]
        if found != expected:
            wrong += 1
            print(f"{paths}: expected {expected}, found {found}")
    for path, text, expected in CASES:
        with tempfile.TemporaryDirectory() as folder:
            make(folder, path, text)
            found = [verdict for _, verdict in floors.violations(pathlib.Path(folder))]
        sound = found == [] if expected is None else any(expected in verdict for verdict in found)
        if not sound:
            wrong += 1
            print(f"{path}: {text!r}: expected {expected!r}, found {found}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
