/* Late replies of RTU frames, told from new ones by the order in which a unit answers. */
#include "drivers/rtu_owed.h"

#include "drivers/modbus_pdu.h"

void rtu_owed_request(struct rtu_owed *owed, uint8_t unit, int64_t sent_ns)
{
    struct rtu_debt *debt = &owed->units[unit];
    debt->request_ns = debt->last_ns = sent_ns;
    debt->request = true;
    if (debt->question) {
        /* An answer to a question older than this request would prove nothing about it. Of the
         * other function nothing is out: an answer to a later question has settled it. */
        debt->other_function = !debt->other_function;
        debt->question = false;
    }
}

void rtu_owed_question(struct rtu_owed *owed, uint8_t unit, int64_t sent_ns)
{
    owed->units[unit].last_ns = sent_ns;
    owed->units[unit].question = true;
}

static bool is_recent(int64_t sent_ns, int64_t now_ns)
{
    return now_ns - sent_ns < RTU_OWED_MS * INT64_C(1000000);
}

bool rtu_owed_must_ask(const struct rtu_owed *owed, uint8_t unit, int64_t now_ns)
{
    const struct rtu_debt *debt = &owed->units[unit];
    return debt->request && is_recent(debt->request_ns, now_ns);
}

uint8_t rtu_owed_function(const struct rtu_owed *owed, uint8_t unit)
{
    return owed->units[unit].other_function ? MODBUS_READ_COILS : MODBUS_READ_DISCRETE;
}

bool rtu_owed_any(const struct rtu_owed *owed, uint8_t unit, int64_t now_ns)
{
    const struct rtu_debt *debt = &owed->units[unit];
    return (debt->request || debt->question) && is_recent(debt->last_ns, now_ns);
}

void rtu_owed_request_answered(struct rtu_owed *owed, uint8_t unit)
{
    owed->units[unit].request = owed->units[unit].question = false;
}

void rtu_owed_question_answered(struct rtu_owed *owed, uint8_t unit)
{
    owed->units[unit].request = false; /* of several questions only one is answered */
}
