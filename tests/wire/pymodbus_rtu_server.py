"""An independent Modbus RTU server: frames, requests and registers by pymodbus, on a pty.

Units 1 and 2; holding register a holds (3 a + 1) mod 65536, input register a (5 a + unit) mod 65536,
both for a below 2000. Prints the path of the line.
"""
import os
import tty

from pymodbus.datastore import ModbusSequentialDataBlock, ModbusServerContext, ModbusSlaveContext
from pymodbus.exceptions import NoSuchSlaveException
from pymodbus.factory import ServerDecoder
from pymodbus.framer.rtu_framer import ModbusRtuFramer

UNITS = (1, 2)
REGISTERS = 2000


def slave(unit):
    return ModbusSlaveContext(
        hr=ModbusSequentialDataBlock(0, [(3 * a + 1) % 65536 for a in range(REGISTERS)]),
        ir=ModbusSequentialDataBlock(0, [(5 * a + unit) % 65536 for a in range(REGISTERS)]),
        zero_mode=True)


def main():
    far, near = os.openpty()
    tty.setraw(near)
    print(os.ttyname(near), flush=True)
    context = ModbusServerContext(slaves={unit: slave(unit) for unit in UNITS}, single=False)
    framer = ModbusRtuFramer(ServerDecoder())

    def execute(request):
        try:
            response = request.execute(context[request.unit_id])
        except NoSuchSlaveException:
            return
        response.unit_id = request.unit_id
        os.write(far, framer.buildPacket(response))

    while True:
        framer.processIncomingPacket(os.read(far, 512), execute, list(UNITS))


main()
