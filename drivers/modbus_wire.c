/* Turns and silences of the devices on one wire. */
#include "drivers/modbus_wire.h"

#include "drivers/modbus_pdu.h"

static enum port_state state_of(const struct wire *wire)
{
    return wire->port->verbs->state(wire->port);
}

bool wire_reachable(const struct wire *wire)
{
    return state_of(wire) != PORT_WAITING;
}

void wire_up(struct wire *wire, struct moment now)
{
    wire->answerer = NULL;
    for (int i = 0; i < wire->count; i++)
        unit_up(wire->units[i], now);
    wire_advance(wire, now);
}

void wire_down(struct wire *wire, struct moment now, enum reason reason)
{
    for (int i = 0; i < wire->count; i++)
        unit_lost(wire->units[i], now, reason);
}

/* Requests */

static bool ask(struct wire *wire, int place, struct moment now, bool urgent)
{
    struct modbus_unit *unit = wire->units[place];
    struct port_request request;
    if (!unit_next(unit, now, urgent, &request))
        return false;
    if (!urgent)
        wire->turn = place;
    wire->out = unit;
    wire->port->verbs->request(wire->port, &request);
    return true;
}

static bool ask_in_turn(struct wire *wire, struct moment now, bool urgent)
{
    for (int i = 1; i <= wire->count; i++)
        if (ask(wire, (wire->turn + i) % wire->count, now, urgent))
            return true;
    return false;
}

void wire_advance(struct wire *wire, struct moment now)
{
    if (wire->out != NULL || state_of(wire) != PORT_UP)
        return;
    if (!ask_in_turn(wire, now, true))
        ask_in_turn(wire, now, false);
}

int64_t wire_next_ns(const struct wire *wire)
{
    int64_t next_ns = INT64_MAX;
    if (wire->out != NULL || state_of(wire) != PORT_UP)
        return next_ns;
    for (int i = 0; i < wire->count; i++) {
        int64_t unit_ns = unit_next_ns(wire->units[i]);
        if (unit_ns < next_ns)
            next_ns = unit_ns;
    }
    return next_ns;
}

/* Answers and silences */

/* Whether somebody has shown, since the silent one last answered, that the wire
 * still carries; or may still show it, because he was not asked yet. */
static bool carries(const struct wire *wire, const struct modbus_unit *silent)
{
    if (wire->keeps || (wire->answerer != NULL && wire->answerer != silent))
        return true;
    for (int i = 0; i < wire->count; i++)
        if (!wire->units[i]->tried)
            return true;
    return false;
}

static void take_silence(struct wire *wire, struct modbus_unit *unit, struct moment now)
{
    unit->tried = true;
    if (carries(wire, unit)) {
        unit_set_aside(unit, now, REASON_TIMEOUT);
        return;
    }
    wire->port->verbs->drop(wire->port);
    if (wire->count > 1)
        unit_set_aside(unit, now, REASON_TIMEOUT);
    for (int i = 0; i < wire->count; i++)
        unit_lost(wire->units[i], now,
                  wire->units[i] == unit ? REASON_TIMEOUT : REASON_DISCONNECTED);
}

void wire_done(struct wire *wire, struct moment now, enum port_result result,
               const uint16_t *registers, uint8_t exception)
{
    struct modbus_unit *unit = wire->out;
    bool up = state_of(wire) == PORT_UP;
    bool unreached = result == PORT_EXCEPTION && wire->count > 1 &&
                     (exception == MODBUS_GATEWAY_NO_PATH || exception == MODBUS_GATEWAY_NO_ANSWER);
    wire->out = NULL;
    unit_done(unit, now, unreached ? PORT_TIMEOUT : result, registers, exception);
    if (unreached) {
        unit_set_aside(unit, now, REASON_DEVICE_EXCEPTION);
    } else if (result == PORT_REPLY || result == PORT_EXCEPTION) {
        unit->tried = true;
        wire->answerer = unit;
        wire->port->verbs->proven(wire->port);
    } else if (result == PORT_TIMEOUT && up) {
        take_silence(wire, unit, now);
    }
    wire_advance(wire, now);
}
