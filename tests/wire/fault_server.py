"""A Modbus TCP server that lies: fault_server.py MODE [PORT | IPV6-HOST]. Prints its port.

Register a holds (3 a + 1) mod 65536, in units 0 to 99; others are silent. Requests 4 to 6 of the server's life meet the fault MODE,
all others are answered correctly, so that recovery can be seen. Wrong replies carry 0xDEAD.
"""
import random
import socket
import struct
import sys
import threading
import time

FAULTY = range(4, 7)
WRONG = 0xDEAD


def frame(transaction, unit, pdu, protocol=0, length=None):
    return struct.pack(">HHHB", transaction, protocol, length or len(pdu) + 1, unit) + pdu


def reading(function, values):
    return struct.pack(f">BB{len(values)}H", function, 2 * len(values), *values)


class Request:
    def __init__(self, data):
        self.transaction, _, _, self.unit, self.function, self.address, self.count = struct.unpack(
            ">HHHBBHH", data[:12])
        self.wrong = reading(self.function, [WRONG] * self.count)

    def pdu(self):
        values = [(3 * (self.address + i) + 1) % 65536 for i in range(self.count)]
        return reading(self.function, values)

    def reply(self):
        return frame(self.transaction, self.unit, self.pdu())


def slowly(connection, data, pause_s):
    for byte in data:
        connection.sendall(bytes([byte]))
        time.sleep(pause_s)


def fault(mode, connection, request):
    """Sends what the mode says instead of the reply."""
    t, unit, wrong = request.transaction, request.unit, request.wrong
    send = connection.sendall
    if mode == "late":  # the answer to an earlier request, then the right one
        send(frame(t - 1, unit, wrong))
        time.sleep(0.03)
        send(request.reply())
    elif mode == "duplicate":
        send(request.reply() + request.reply())
    elif mode == "unasked":  # an old reply while nobody waits
        send(request.reply())
        time.sleep(0.01)
        send(frame(t, unit, wrong))
    elif mode == "split":
        slowly(connection, request.reply(), 0.001)
    elif mode == "drip":  # every byte in time, the whole never
        slowly(connection, request.reply(), 0.06)
    elif mode == "overdue":
        time.sleep(0.5)
        send(frame(t, unit, wrong))
    elif mode == "swapped":  # a transaction that was never sent
        send(frame(t + 7, unit, wrong))
    elif mode == "unit":
        send(frame(t, unit + 1, wrong))
    elif mode == "function":
        send(frame(t, unit, bytes([request.function + 1]) + wrong[1:]))
    elif mode == "protocol":
        send(frame(t, unit, wrong, protocol=1))
    elif mode == "length-long":
        send(frame(t, unit, wrong, length=len(wrong) + 9))
    elif mode == "length-short":
        send(frame(t, unit, wrong, length=len(wrong) - 1))
    elif mode == "length-wild":
        send(frame(t, unit, wrong, length=0x10000 - 1))
    elif mode == "count":  # a well-formed reply of fewer registers than asked
        send(frame(t, unit, reading(request.function, [WRONG] * (request.count - 1))))
    elif mode == "cut":
        send(frame(t, unit, wrong)[:-1])
    elif mode == "garbage":
        send(random.Random(t).randbytes(300))
    elif mode == "reset":
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()
    elif mode == "close":
        connection.close()
    elif mode.startswith("exception-"):
        send(frame(t, unit, bytes([request.function | 0x80, int(mode[10:])])))
    else:
        assert mode == "silence", mode


class Server:
    def __init__(self, mode, place):
        self.mode = mode
        self.asked = 0
        if ":" in place:
            self.listener = socket.create_server((place, 0), family=socket.AF_INET6)
        else:
            self.listener = socket.create_server(("127.0.0.1", int(place)))

    def serve(self, connection):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            while data := connection.recv(12, socket.MSG_WAITALL):
                request = Request(data)
                if request.unit >= 100:
                    continue
                self.asked += 1
                if self.mode != "healthy" and self.asked in FAULTY:
                    fault(self.mode, connection, request)
                else:
                    connection.sendall(request.reply())
        except OSError:
            pass  # the master gave the connection up, or the fault did

    def run(self):
        print(self.listener.getsockname()[1], flush=True)
        while True:
            connection, _ = self.listener.accept()
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()


Server(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "0").run()
