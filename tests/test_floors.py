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


def main():
    wrong = 0
    for path, text, expected in CASES:
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder) / path
            file.parent.mkdir(parents=True)
            file.write_text(text + "\n")
            found = [verdict for _, verdict in floors.violations(pathlib.Path(folder))]
        sound = found == [] if expected is None else any(expected in verdict for verdict in found)
        if not sound:
            wrong += 1
            print(f"{path}: {text!r}: expected {expected!r}, found {found}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
