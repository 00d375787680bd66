#!/usr/bin/env python3
"""The site that the benchmarks of the daemon run is one that the daemon takes.

Usage: test_bench_site.py TIDEWATT.
"""
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tools/bench"))
import bench_site  # noqa: E402

SIZES = [1, bench_site.BATTERY + 1, 50]  # devices: without a battery, just with one, as measured


def main():
    wrong = 0
    for size in SIZES:
        with tempfile.TemporaryDirectory() as name:
            site = bench_site.write_site(pathlib.Path(name), range(20000, 20000 + size), 30)
            result = subprocess.run([sys.argv[1], "check", site], capture_output=True, text=True,
                                    check=False)
        if result.returncode != 0:
            wrong += 1
            print(f"{size} devices: {result.stdout}{result.stderr}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
