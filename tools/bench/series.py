"""What the benchmarks on measured series share: where these are, and how a figure is printed."""
import os
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]


def folder(program):
    data = pathlib.Path(os.environ.get("TIDEWATT_DATA", ROOT.parent / "shared/data"))
    if not (data / "grid").is_dir():
        sys.exit(f"{program}: no measured series in {data}: set TIDEWATT_DATA")
    return data


def row(figure, text, kind, bound, value, digits=4):
    """`kind`: limit (not above) or target (not below)."""
    print(f"{figure:40}  {text:>12}  {f'{kind} {bound:.{digits}g}':18}  {value / bound:.4f}")
