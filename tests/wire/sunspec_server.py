"""An independent Modbus TCP server (pymodbus) of a SunSpec device: models 1, 103, 203, 64001, 802.

usage: sunspec_server.py BASE [FAULT]   unit 3; prints its port
BASE: register of the "SunS" marker. FAULT: "open" leaves the end mark out, "refused" has no register
at all, "hole" refuses the meter's registers 30 and up."""
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

UNIT = 3


def words(layout, *values):
    data = struct.pack(">" + layout, *values)
    return list(struct.unpack(">%dH" % (len(data) // 2), data))


def text(value, registers):
    return words("%ds" % (2 * registers), value.encode())


def model(number, length, points, rest=0xFFFF):
    """Registers of a model: `points` are (offset from the id, registers), all else is `rest`."""
    registers = [number, length] + [rest] * length
    for offset, values in points:
        registers[offset:offset + len(values)] = values
    return registers


MODELS = [
    model(1, 66, [(2, text("Example", 16)), (18, text("Hybrid 10", 16)), (34, text("", 8)),
                  (42, text("1.2", 8)), (50, text("A-1", 16)), (66, [3])]),
    model(103, 50, [(14, words("h", -1234)), (15, words("h", 1)), (16, [4998]),
                    (17, words("h", -2)), (24, words("I", 3000000001)), (26, [0]),
                    (29, [0xFFFF]), (30, words("h", -1)), (38, [4])]),
    model(203, 105, [(16, [5001]), (17, words("h", -2)), (18, words("h", 2500)),
                     (22, words("h", 0)), (38, words("I", 0)), (46, words("I", 654321)),
                     (54, words("h", 1)), (105, words("I", 0))], 0x8000),
    model(64001, 7, []),
    model(802, 62, [(11, [655]), (56, words("h", -1)), (13, [98]), (58, [0]), (22, [3]),
                    (34, [7215]), (59, words("h", -1)), (44, words("h", -125)),
                    (61, words("h", -1)), (47, words("h", -900)), (63, words("h", 1)),
                    (26, words("I", 0))]),
]


def registers(base, fault):
    if fault == "refused":
        return {65000: 0}
    chain = words("4s", b"SunS")
    for one in MODELS:
        chain += one
    if fault != "open":
        chain += [0xFFFF, 0]
    present = {base + i: value for i, value in enumerate(chain)}
    if fault == "hole":
        meter = base + 2 + 68 + 52
        for address in range(meter + 30, meter + 107):
            del present[address]
    return present


async def main():
    base, fault = int(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else ""
    block = ModbusSparseDataBlock(registers(base, fault))
    slave = ModbusSlaveContext(hr=block, zero_mode=True)
    context = ModbusServerContext(slaves={UNIT: slave}, single=False)
    server = ModbusTcpServer(context, address=("127.0.0.1", 0))
    serving = asyncio.ensure_future(server.serve_forever())
    await server.serving
    print(server.server.sockets[0].getsockname()[1], flush=True)
    await serving


asyncio.run(main())
