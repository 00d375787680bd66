"""An independent Modbus TCP server (pymodbus): known values in every type and word order.

Unit 7. Prints its port. Holding and input registers:
  100 + 40 * order + 4 * type   the values below (orders ABCD CDAB BADC DCBA)
  20-21 i32, 22 u16             set-points; 24 takes writes and keeps its value
  300, 310                      present, 305 is not: a block over it is an illegal address
"""
import asyncio
import struct
import sys
import types

try:
    import serial_asyncio  # noqa: F401
except ImportError:
    # pymodbus imports its serial front with the TCP one; the packages are only recommended.
    sys.modules["serial"] = types.ModuleType("serial")
    sys.modules["serial_asyncio"] = types.ModuleType("serial_asyncio")
    sys.modules["serial_asyncio"].create_serial_connection = None

from pymodbus.datastore import ModbusServerContext, ModbusSlaveContext, ModbusSparseDataBlock
from pymodbus.server.async_io import ModbusTcpServer

UNIT = 7
KEEPS = 24
VALUES = [
    (">H", 54321),
    (">h", -12345),
    (">I", 3000000000),
    (">i", -2000000000),
    (">Q", 2**52 + 3),
    (">q", -(2**52) - 5),
    (">f", 1234.5),
    (">d", -98765.4321),
]


def registers(layout, value, order):
    words = struct.unpack(f">{struct.calcsize(layout) // 2}H", struct.pack(layout, value))
    if order in ("CDAB", "DCBA"):
        words = words[::-1]
    if order in ("BADC", "DCBA"):
        words = [(word & 0xFF) << 8 | word >> 8 for word in words]
    return list(words)


def table():
    present = {20: 0, 21: 0, 22: 0, KEEPS: 5, 300: 300, 310: 310}
    for place, order in enumerate(("ABCD", "CDAB", "BADC", "DCBA")):
        start = 100 + 40 * place
        present.update({start + i: 0 for i in range(32)})
        for kind, (layout, value) in enumerate(VALUES):
            for i, word in enumerate(registers(layout, value, order)):
                present[start + 4 * kind + i] = word
    return present


class Block(ModbusSparseDataBlock):
    def setValues(self, address, values, use_as_default=False):
        if address != KEEPS:
            super().setValues(address, values, use_as_default)


async def main():
    slave = ModbusSlaveContext(hr=Block(table()), ir=Block(table()), zero_mode=True)
    context = ModbusServerContext(slaves={UNIT: slave}, single=False)
    server = ModbusTcpServer(context, address=("127.0.0.1", 0))
    serving = asyncio.ensure_future(server.serve_forever())
    await server.serving
    print(server.server.sockets[0].getsockname()[1], flush=True)
    await serving


asyncio.run(main())
