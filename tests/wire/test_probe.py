#!/usr/bin/env python3
"""`tidewatt probe` as a program against devices that behave and devices that do not.

Usage: test_probe.py TIDEWATT [unittest options]. The SunSpec device is sunspec_server.py (pymodbus);
the others are a few lines below, so that what they send is known byte by byte. Every request that
reaches those is checked: probe may only read.
"""
import json
import os
import pathlib
import pty
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import tty
import unittest

HERE = pathlib.Path(__file__).resolve().parent
PROFILES = HERE.parent.parent / "config" / "profiles"
TIDEWATT = None
UNIT = 3


def probe(*arguments):
    return subprocess.run([TIDEWATT, "probe", *map(str, arguments)], capture_output=True, text=True,
                          timeout=60, check=False)


class SunSpecServer:
    def __init__(self, *arguments):
        self.process = subprocess.Popen(
            ["/usr/bin/python3", HERE / "sunspec_server.py", *map(str, arguments)],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.port = int(self.process.stdout.readline())

    def __enter__(self):
        return f"127.0.0.1:{self.port}"

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


def crc(data):
    value = 0xFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (0xA001 if value & 1 else 0)
    return struct.pack("<H", value)


class Device:
    """Answers reads of one register map; `registers` is a dict, what lacks is an exception 2."""

    def __init__(self, registers):
        self.registers = registers
        self.functions = []  # of every request that came

    def answer(self, pdu):
        function, address, count = struct.unpack(">BHH", pdu[:5])
        self.functions.append(function)
        words = [self.registers.get(address + i) for i in range(count)]
        if None in words:
            return bytes([function | 0x80, 2])
        return struct.pack(f">BB{count}H", function, 2 * count, *words)

    def rtu(self, frame):
        body = frame[:1] + self.answer(frame[1:])
        return body + crc(body)

    def tcp(self, frame):
        pdu = self.answer(frame[7:])
        return frame[:4] + struct.pack(">H", len(pdu) + 1) + frame[6:7] + pdu


class Listener:
    """A TCP server; `reply` gets each request's bytes, None closes, b"" says nothing."""

    def __init__(self, reply):
        self.reply = reply
        self.socket = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                client, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self.talk, args=(client,), daemon=True).start()

    def talk(self, client):
        with client:
            while request := client.recv(300):
                reply = self.reply(request)
                if reply is None:
                    return
                client.sendall(reply)

    def __enter__(self):
        return "127.0.0.1:%d" % self.socket.getsockname()[1]

    def __exit__(self, *_):
        self.socket.close()


def profile(text, folder):
    path = pathlib.Path(folder) / "device.cfg"
    path.write_text('profile: { name = "device"; maker = "m"; model = "m"; source = "s"; '
                    'grade = "simulated"; reply_timeout = "300 ms"; %s };' % text)
    return path


POINTS = """points: (
  { point = "power_w"; address = 10; type = "i32"; unit = "W"; invalid = [ "0x80000000" ]; },
  { point = "soc_pct"; address = 12; type = "u16"; scale = 0.1; unit = "%"; low = 0.0;
    high = 100.0; },
  { point = "state"; address = 14; type = "u16"; labels = [ "2 = charging" ]; },
  { point = "power_set_w"; address = 20; type = "i32"; unit = "W";
    write = { low = -1000.0; high = 1000.0; readable = false; }; }
);"""
REGISTERS = {1: 0x4142, 2: 0x4300, 10: 0xFFFF, 11: 0xFC18, 12: 655, 14: 2}


class SunSpec(unittest.TestCase):
    def test_finds_the_chain_at_each_base(self):
        for base in (40000, 0, 50000):
            with self.subTest(base=base), SunSpecServer(base) as target:
                result = probe(target, "--unit", UNIT, "--sunspec", "--json")
                self.assertEqual(result.returncode, 0, result.stderr)
                found = json.loads(result.stdout)
                self.assertEqual(found["base"], base)
                self.assertEqual([(m["id"], m["length"]) for m in found["models"]],
                                 [(1, 66), (103, 50), (203, 105), (64001, 7), (802, 62)])
                self.assertEqual(found["models"][1]["address"], base + 70)
                values = {f'{m["id"]}.{p["name"]}': p["value"]
                          for m in found["models"] for p in m.get("points", [])}
                self.assertEqual(values["1.Mn"], "Example")
                self.assertEqual(values["103.W"], -12340)
                self.assertAlmostEqual(values["103.Hz"], 49.98)
                self.assertEqual(values["103.WH"], 3000000001)
                self.assertIsNone(values["103.A"])
                self.assertEqual(values["203.TotWhImp"], 6543210)
                self.assertIsNone(values["203.TotWhExp"])  # 0: not accumulated
                self.assertEqual(values["802.SoC"], 65.5)

    def test_prints_tables_for_people(self):
        with SunSpecServer(40000) as target:
            result = probe(target, "--unit", UNIT, "--sunspec")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("SunSpec at 40000, 5 models", result.stdout)
        self.assertIn("model 64001 (not in our table) at 40229, 7 registers", result.stdout)
        self.assertRegex(result.stdout, r"W +40084 +int16 +FB2E +-12340 W")
        self.assertRegex(result.stdout, r"A +40072 +uint16 +FFFF +not available")

    def test_reads_the_shipped_profiles(self):
        expected = {
            "inverter": {"power_w": -12340, "frequency_hz": 49.98, "state": 4},
            "meter": {"power_w": 2500, "energy_import_wh": 6543210, "frequency_hz": 50.01},
            "battery": {"power_w": -12340, "soc_pct": 65.5, "soh_pct": 98, "voltage_v": 721.5,
                        "current_a": -12.5, "state": 3},
        }
        with SunSpecServer(40000) as target:
            for name, values in expected.items():
                result = probe(target, "--unit", UNIT, "--json", "--profile",
                               PROFILES / f"sunspec-{name}.cfg")
                self.assertEqual(result.returncode, 0, result.stderr)
                points = {p["point"]: p for p in json.loads(result.stdout)["points"]}
                for point, value in values.items():
                    self.assertEqual(points[point]["quality"], "good", point)
                    self.assertAlmostEqual(points[point]["value"], value, msg=point)
                for point in set(points) - set(values):
                    if points[point]["quality"] != "good":
                        self.assertIn(points[point]["reason"], ("sentinel", "not_offered"), point)
        self.assertEqual(points["power_set_w"]["reason"], "not_offered")

    def test_says_what_is_wrong_with_a_chain(self):
        for fault, text, models in (("open", "register 40302, where a model should begin", 5),
                                    ("refused", "no SunSpec marker: register 40000 is refused", 0)):
            with self.subTest(fault=fault), SunSpecServer(40000, fault) as target:
                result = probe(target, "--unit", UNIT, "--sunspec", "--json")
                self.assertEqual(result.returncode, 1)
                self.assertIn(text, result.stderr)
                if models:
                    self.assertEqual(len(json.loads(result.stdout)["models"]), models)

    def test_shows_what_can_be_read_of_a_model(self):
        with SunSpecServer(40000, "hole") as target:
            result = probe(target, "--unit", UNIT, "--sunspec", "--json")
            text = probe(target, "--unit", UNIT, "--sunspec").stdout
        self.assertEqual(result.returncode, 1)
        models = json.loads(result.stdout)["models"]
        meter = {p["name"]: p["value"] for p in models[2]["points"]}
        self.assertEqual(meter["W"], 2500)
        self.assertIsNone(meter["TotWhImp"])
        self.assertEqual(len(models), 5)
        self.assertRegex(text, r"W +40140 +int16 +09C4 +2500 W")
        self.assertRegex(text, r"TotWhImp +40168 +acc32 +02 illegal data address +–")


class Profile(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def run_on(self, device, text, *arguments, framing="tcp"):
        with Listener(getattr(device, framing)) as target:
            result = probe(target, "--unit", UNIT, "--framing", framing, "--profile",
                           profile(text, self.folder), *arguments)
        self.assertTrue(set(device.functions) <= {3, 4}, device.functions)
        return result

    def test_shows_raw_and_decoded(self):
        result = self.run_on(Device(REGISTERS), POINTS)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertRegex(result.stdout, r"power_w +holding 10 +FFFF FC18 +-1000 W +good +fresh")
        self.assertRegex(result.stdout, r"soc_pct +holding 12 +028F +65.5 % +good")
        self.assertRegex(result.stdout, r"state +holding 14 +0002 +2 charging +good")
        self.assertRegex(result.stdout, r"power_set_w +holding 20 +– +– +missing +write only")
        self.assertIn("3 of 4 points good, 0 not as the profile says", result.stdout)

    def test_speaks_rtu_over_tcp(self):
        result = self.run_on(Device(REGISTERS), POINTS, framing="rtu")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("-1000 W", result.stdout)

    def test_judges_each_row_for_itself(self):
        registers = {10: 0x8000, 11: 0, 12: 1400}
        result = self.run_on(Device(registers), POINTS)
        self.assertEqual(result.returncode, 1)
        self.assertRegex(result.stdout, r"power_w .* missing +sentinel")
        self.assertRegex(result.stdout, r"soc_pct .*0578 +140 % +bad +out_of_range")
        self.assertRegex(result.stdout, r"state .* missing +02 illegal data address")
        self.assertIn("0 of 4 points good, 2 not as the profile says", result.stdout)

    def test_disowns_another_device(self):
        text = 'identity = ( { address = 1; count = 2; text = "ABC"; } ); ' + POINTS
        self.assertEqual(self.run_on(Device(REGISTERS), text).returncode, 0)
        result = self.run_on(Device(REGISTERS), text.replace("ABC", "XYZ"))
        self.assertEqual(result.returncode, 1)
        self.assertIn('register 1 says "ABC", the profile expects "XYZ"', result.stderr)
        self.assertRegex(result.stdout, r"power_w .*-1000 W +bad +identity_mismatch")
        self.assertIn("0 of 4 points good", result.stdout)

    def test_names_mistakes_of_the_profile(self):
        result = self.run_on(Device({}), 'points: ( { point = "power_x"; } );')
        self.assertEqual(result.returncode, 1)
        self.assertIn("device.cfg:1:", result.stderr)
        result = self.run_on(Device({}), 'sunspec = true; points: ( { point = "power_w"; '
                                         'sunspec = [ "103.Watt" ]; } );')
        self.assertEqual(result.returncode, 1)
        self.assertIn('power_w: 103.Watt: model 103 has no point "Watt"', result.stderr)

    def test_speaks_on_a_serial_line(self):
        device, (ours, theirs) = Device(REGISTERS), pty.openpty()
        for end in (ours, theirs):
            tty.setraw(end)
            self.addCleanup(os.close, end)

        def serve():
            while True:
                try:
                    request = b""
                    while len(request) < 8:  # a read request
                        request += os.read(ours, 8 - len(request))
                    os.write(ours, device.rtu(request))
                except OSError:
                    return

        threading.Thread(target=serve, daemon=True).start()
        result = probe("--serial", os.ttyname(theirs), "--unit", UNIT, "--profile",
                       profile(POINTS, self.folder), "--parity", "none", "--baud", 9600)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("-1000 W", result.stdout)
        self.assertEqual(set(device.functions), {3})


class NoAnswer(unittest.TestCase):
    def check(self, target, text, *arguments, code=3):
        result = probe(*([target] if target else []), "--sunspec", *arguments)
        self.assertEqual(result.returncode, code, result.stderr)
        self.assertIn(text, result.stderr)
        return result

    def test_nobody_listens(self):
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self.check(f"127.0.0.1:{port}", f"127.0.0.1 port {port} refuses the connection")

    def test_name_is_unknown(self):
        self.check("device.invalid", 'the host "device.invalid" is not known')

    def test_serial_line_is_missing(self):
        self.check(None, "/dev/no-such-line cannot be opened: No such file", "--serial",
                   "/dev/no-such-line")
        self.check(None, "/dev/null cannot be set up as a serial line", "--serial", "/dev/null")

    def test_silent_unit(self):
        with Listener(lambda request: b"") as target:
            self.check(target, "unit 9: no answer; check --unit", "--unit", 9, "--timeout", "200ms")

    def test_gateway_without_the_unit(self):
        with Listener(lambda r: r[:4] + b"\0\3" + r[6:7] + bytes([r[7] | 0x80, 0x0B])) as target:
            self.check(target, "0B gateway hears no answer; the gateway is there")

    def test_wrong_framing(self):
        with Listener(lambda r: b"\x03\x03\x04\x53\x75\x6E\x53" + crc(b"\x03\x03\x04SunS")) as target:
            self.check(target, "try --framing rtu", "--unit", 3, "--timeout", "300ms")
        with Listener(lambda r: b"HTTP/1.1 400 Bad Request\r\n\r\n") as target:
            self.check(target, "no Modbus TCP reply", "--timeout", "300ms")
        with Listener(lambda r: b"\x00\x01\x00\x00\x00\x03\x03\x83\x02") as target:
            self.check(target, "--framing tcp", "--framing", "rtu", "--timeout", "300ms")

    def test_closes_when_asked(self):
        with Listener(lambda request: None) as target:
            self.check(target, "it closes the connection when asked", "--timeout", "300ms")

    def test_falls_silent_on_the_way(self):
        served = []

        def reply(request):
            served.append(request)
            return b"" if len(served) > 2 else Device(
                {40000: 0x5375, 40001: 0x6E53, 40002: 1, 40003: 66}).tcp(request)

        with Listener(reply) as target:
            self.check(target, "unit 1 has stopped answering: no answer", "--timeout", "150ms")
        self.assertEqual(len(served), 2 + 3)


class Usage(unittest.TestCase):
    def test_refuses_wrong_words(self):
        for words, text in (
                (["h"], "either --profile FILE or --sunspec"),
                (["h", "--sunspec", "--profile", "p"], "either --profile FILE or --sunspec"),
                (["--sunspec"], "either a HOST or --serial PATH"),
                (["h", "--serial", "s", "--sunspec"], "either a HOST or --serial PATH"),
                (["h:0", "--sunspec"], "the port is a number from 1 to 65535"),
                (["h:1x", "--sunspec"], "the port is a number from 1 to 65535"),
                (["[::1", "--sunspec"], "no closing bracket"),
                ([":502", "--sunspec"], "no host"),
                (["h" * 60, "--sunspec"], "no host"),
                (["h", "--sunspec", "--unit", "256"], "--unit is a number from 0 to 255"),
                (["h", "--sunspec", "--unit", ""], "--unit is a number from 0 to 255"),
                (["h", "--sunspec", "--framing", "ascii"], "--framing is one of"),
                (["--sunspec", "--serial", "s", "--baud", "3"], "--baud is a number from 1200"),
                (["--sunspec", "--serial", "s", "--parity", "odd?"], "--parity is one of"),
                (["--sunspec", "--serial", "s", "--stop-bits", "3"], "--stop-bits is a number"),
                (["h", "--sunspec", "--timeout", "2"], "--timeout"),
                (["h", "i", "--sunspec"], "expected [HOST[:PORT]]")):
            with self.subTest(words=words):
                result = probe(*words)
                self.assertEqual(result.returncode, 2, result.stderr)
                self.assertIn(text, result.stderr)
                self.assertEqual(result.stdout, "")

    def test_profile_that_is_not_there(self):
        result = probe("127.0.0.1", "--profile", "/no/such.cfg")
        self.assertEqual(result.returncode, 1)
        self.assertIn("/no/such.cfg", result.stderr)


if __name__ == "__main__":
    TIDEWATT = sys.argv.pop(1)
    unittest.main()
