// A Modbus TCP server by jsmodbus, an implementation that we did not write. Prints its port.
// Holding and input register a hold (3 a + 1) mod 65536; holding registers can be written.
'use strict';
const net = require('net');
const modbus = require('jsmodbus');

const REGISTERS = 2000;

function registers() {
    const bytes = Buffer.alloc(2 * REGISTERS);
    for (let a = 0; a < REGISTERS; a++) bytes.writeUInt16BE((3 * a + 1) % 65536, 2 * a);
    return bytes;
}

const server = new net.Server();
new modbus.server.TCP(server, {holding: registers(), input: registers()});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
