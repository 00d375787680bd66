#!/usr/bin/env python3
"""config/tidewatt.cfg documents every option of controller/core/config*.c in its group, and no other.

Usage: config_documented.py ROOT
"""
import pathlib
import re
import sys

ROW = re.compile(r'\b(?:QUANTITY|NEEDED|NUMBER|INTEGER)\("(\w+)", "(\w+)"')
TEXT = re.compile(r'read_(?:text|flag)\(top, "(\w+)", "(\w+)"')
PATH = re.compile(r'read_mqtt_path\(top, "(\w+)"')
MODE = re.compile(r'subsystem_options\[SUBSYSTEMS\] = \{(.*?)\}', re.S)


def groups(text):
    """Options of each top-level group in the file."""
    text = re.sub(r"#[^\n]*", "", text)
    for name, body in re.findall(r"^(\w+): \{(.*?)\};", text, re.S | re.M):
        for option in re.findall(r"(\w+) =", body):
            yield name, option


def main():
    root = pathlib.Path(sys.argv[1])
    source = "".join(file.read_text(encoding="utf-8")
                     for file in sorted((root / "controller/core").glob("config*.c")))
    known = set(ROW.findall(source)) | set(TEXT.findall(source))
    known |= {("mqtt", name) for name in PATH.findall(source)}
    known |= {("modes", name) for name in re.findall(r'"(\w+)"', MODE.search(source)[1])}
    shown = set(groups((root / "config/tidewatt.cfg").read_text(encoding="utf-8")))
    for group, name in sorted(known - shown):
        print(f"config/tidewatt.cfg does not document {group}.{name}")
    for group, name in sorted(shown - known):
        print(f"config/tidewatt.cfg documents {group}.{name}, which no code reads")
    return 1 if known != shown else 0


if __name__ == "__main__":
    sys.exit(main())
