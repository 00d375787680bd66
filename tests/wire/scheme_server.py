"""A Modbus TCP server: scheme_server.py healthy|silence [PORT | IPV6-HOST]. Prints its port.

Register a holds (3 a + 1) mod 65536, in units 0 to 99; others are silent. With "silence" nobody
answers after the third request of the server's life.
"""
import socket
import struct
import sys
import threading

ANSWERED = 3


class Server:
    def __init__(self, mode, place):
        self.mode = mode
        self.asked = 0
        if ":" in place:
            self.listener = socket.create_server((place, 0), family=socket.AF_INET6)
        else:
            self.listener = socket.create_server(("127.0.0.1", int(place)))

    def answer(self, connection, data):
        transaction, _, _, unit, function, address, count = struct.unpack(">HHHBBHH", data)
        values = [(3 * (address + i) + 1) % 65536 for i in range(count)]
        reading = struct.pack(f">BB{count}H", function, 2 * count, *values)
        self.asked += unit < 100
        if unit < 100 and (self.mode == "healthy" or self.asked <= ANSWERED):
            head = struct.pack(">HHHB", transaction, 0, len(reading) + 1, unit)
            connection.sendall(head + reading)

    def serve(self, connection):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            while data := connection.recv(12, socket.MSG_WAITALL):
                self.answer(connection, data)
        except OSError:
            pass  # the master gave the connection up

    def run(self):
        print(self.listener.getsockname()[1], flush=True)
        while True:
            connection, _ = self.listener.accept()
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()


Server(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "0").run()
