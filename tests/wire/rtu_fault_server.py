"""A Modbus RTU bus that lies: rtu_fault_server.py MODE [--link PATH | --tcp [PORT]].

On a pty (prints its path; PATH is a symbolic link to it that stays when the line is closed and
comes back) or on a TCP port (prints it), as a transparent serial gateway: late bytes go to whoever
is connected then. Units 1 to 99 live, all others are silent. Register a holds (3 a + 1) mod 65536
until it is written. The units answer one request after the other.

Requests 4 to 6 for registers of the server's life meet the fault MODE, all others are answered
correctly; bits are all 0, and asking for them is never faulty. Wrong replies carry 0xDEAD.
storm-SEED: random delays and losses without end; odd seeds refuse to read bits.
"""
import argparse
import os
import random
import select
import socket
import struct
import time
import tty

FAULTY = range(4, 7)
WRONG = 0xDEAD
READ_BITS = (1, 2)
READS = (3, 4)
WRITES = (6, 16)
LATE_S = 0.4
VERY_LATE_S = 1.2
NOISE = b"\x55\xaa\x00"


def crc(data):
    check = 0xFFFF
    for byte in data:
        check ^= byte
        for _ in range(8):
            check = check >> 1 ^ 0xA001 if check & 1 else check >> 1
    return struct.pack("<H", check)


def frame(unit, pdu):
    body = bytes([unit]) + pdu
    return body + crc(body)


def reading(function, values):
    return struct.pack(f">BB{len(values)}H", function, 2 * len(values), *values)


class Line:
    """The far end of a serial line."""

    def __init__(self, link):
        self.link = link
        self.open()

    def open(self):
        self.far, self.near = os.openpty()  # the near end stays open: nothing hangs up by itself
        tty.setraw(self.near)
        if self.link:
            os.symlink(os.ttyname(self.near), self.link + ".new")
            os.replace(self.link + ".new", self.link)

    def name(self):
        return self.link or os.ttyname(self.near)

    def read(self):
        return os.read(self.far, 512)

    def write(self, data):
        os.write(self.far, data)

    def discard(self):
        while select.select([self.far], [], [], 0)[0]:
            os.read(self.far, 512)

    def close(self):
        os.close(self.far)
        os.close(self.near)
        time.sleep(0.1)
        self.open()


class Gateway:
    """The TCP side of a gateway that passes bytes through; the newest connection counts."""

    def __init__(self, port):
        self.listener = socket.create_server(("127.0.0.1", port))
        self.connection = None

    def name(self):
        return self.listener.getsockname()[1]

    def accept(self):
        while select.select([self.listener], [], [], 0)[0]:
            self.connection, _ = self.listener.accept()
            self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def read(self):
        sides = [self.listener] + ([self.connection] if self.connection else [])
        ready = select.select(sides, [], [])[0]
        self.accept()
        if self.connection not in ready:
            return b""
        try:
            data = self.connection.recv(512)
        except OSError:
            data = b""
        if not data:
            self.connection = None
        return data

    def write(self, data):
        self.accept()
        try:
            if self.connection:
                self.connection.sendall(data)
        except OSError:
            self.connection = None

    def discard(self):
        while self.connection and select.select([self.connection], [], [], 0)[0]:
            self.read()

    def close(self):
        self.connection.close()
        self.connection = None


class Bus:
    def __init__(self, mode, wire):
        self.mode = mode
        self.wire = wire
        self.asked = 0
        self.written = {}
        self.heard = b""
        if mode.startswith("storm-"):
            self.random = random.Random(int(mode[6:]))
            self.refuses_bits = int(mode[6:]) % 2 == 1
        else:
            self.refuses_bits = False

    def value(self, unit, address):
        return self.written.get((unit, address), (3 * address + 1) % 65536)

    def pdu(self, unit, request):
        """The correct reply."""
        function, address, count = struct.unpack(">BHH", request[:5])
        if function in READ_BITS and not self.refuses_bits:
            return bytes([function, (count + 7) // 8]) + bytes((count + 7) // 8)
        if function in READS:
            return reading(function, [self.value(unit, address + i) for i in range(count)])
        if function == 6:
            self.written[unit, address] = count
        elif function == 16:
            for i, value in enumerate(struct.unpack(f">{count}H", request[6:])):
                self.written[unit, address + i] = value
        else:
            return bytes([function | 0x80, 1])
        return request[:5]

    def slowly(self, data, pause_s):
        for byte in data:
            self.wire.write(bytes([byte]))
            time.sleep(pause_s)

    def fault(self, unit, request):
        """Sends what the mode says instead of the reply."""
        mode, send, function = self.mode, self.wire.write, request[0]
        count = struct.unpack(">H", request[3:5])[0]
        right = frame(unit, self.pdu(unit, request))
        lie = reading(function, [WRONG] * count) if function in READS else \
            request[:3] + struct.pack(">H", WRONG)
        wrong = frame(unit, lie)
        if mode in ("late", "very-late", "late-deaf"):
            time.sleep(VERY_LATE_S if mode == "very-late" else LATE_S)
            if mode == "late-deaf":  # what came meanwhile was not heard
                self.wire.discard()
                self.heard = b""
            send(wrong)
        elif mode == "late-other":  # another unit speaks up first
            send(frame(unit + 1, lie))
            time.sleep(0.01)
            send(right)
        elif mode == "duplicate":
            send(right + wrong)
        elif mode == "repeated":  # while nobody waits
            send(right)
            time.sleep(0.02)
            send(wrong)
        elif mode == "unit":
            send(frame(unit + 1, lie))
        elif mode == "function":
            send(frame(unit, bytes([function + 1]) + lie[1:]))
        elif mode == "crc":
            send(wrong[:-1] + bytes([wrong[-1] ^ 1]))
        elif mode == "count-more":
            send(frame(unit, lie[:1] + bytes([lie[1] + 2]) + lie[2:]))
        elif mode == "count-less":
            send(frame(unit, lie[:1] + bytes([lie[1] - 2]) + lie[2:]))
        elif mode == "short":
            send(frame(unit, reading(function, [WRONG] * (count - 1))))
        elif mode == "long":
            send(frame(unit, reading(function, [WRONG] * (count + 1))))
        elif mode == "split":
            self.slowly(right, 0.001)
        elif mode == "drip":  # every byte in time, the whole never
            self.slowly(wrong, 0.06)
        elif mode == "cut":
            send(wrong[:-1])
        elif mode == "echo":  # of a write: another value
            send(wrong)
        elif mode == "echo-address":
            send(frame(unit, request[:1] + b"\xde\xad" + request[3:5]))
        elif mode.startswith("exception-"):
            send(frame(unit, bytes([function | 0x80, int(mode[10:])])))
        elif mode == "garbage":
            send(random.Random(self.asked).randbytes(300))
        elif mode == "junk-before":  # as lines without bias resistors have
            send(b"\x00\xff" + right)
        elif mode == "junk-after":
            send(right + b"\x00")
        elif mode == "noise":  # between frames
            send(right)
            time.sleep(0.02)
            send(NOISE)
        elif mode == "closed":
            self.wire.close()
        else:
            assert mode == "silence", mode

    def storm(self, unit, request):
        """Any delay or none at all, in order; at times deaf to what came meanwhile."""
        right = frame(unit, self.pdu(unit, request))
        fate = self.random.random()
        if fate < 0.15:
            time.sleep(self.random.uniform(0, 0.3))
        if self.random.random() < 0.05:
            self.wire.discard()
        if fate < 0.2 and fate > 0.13:
            return
        self.wire.write(right)

    def answer(self, unit, request):
        if not 1 <= unit <= 99:
            return
        if self.mode.startswith("storm-"):
            self.storm(unit, request)
            return
        self.asked += request[0] not in READ_BITS
        faulty = self.mode != "healthy" and self.asked in FAULTY and request[0] not in READ_BITS
        if faulty:
            self.fault(unit, request)
        else:
            self.wire.write(frame(unit, self.pdu(unit, request)))

    def next_request(self):
        """Takes a request off what was heard; None: there is none."""
        while len(self.heard) >= 8:
            length = 9 + self.heard[6] if self.heard[1] == 16 else 8
            if len(self.heard) < length:
                return None
            request, rest = self.heard[:length], self.heard[length:]
            if crc(request[:-2]) == request[-2:]:
                self.heard = rest
                return request
            self.heard = self.heard[1:]
        return None

    def run(self):
        while True:
            self.heard += self.wire.read()
            while request := self.next_request():
                self.answer(request[0], request[1:-2])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("mode")
    parser.add_argument("--link")
    parser.add_argument("--tcp", nargs="?", type=int, const=0)
    arguments = parser.parse_args()
    wire = Line(arguments.link) if arguments.tcp is None else Gateway(arguments.tcp)
    print(wire.name(), flush=True)
    Bus(arguments.mode, wire).run()


main()
