/* Which units behind one wire of RTU frames still owe a reply, and how that is settled. Pure.
 *
 * RTU frames carry no transaction number: a reply that comes after its time-out looks like the
 * reply to the next request of the same unit, function and count. Closing the connection does not
 * help, since a serial gateway passes late bytes on to whoever is connected then; nor does waiting,
 * since nobody knows for how long. But a unit answers one request after the other. So a unit that
 * owes a reply is first asked a question whose answer can be taken for no other: a read of one bit,
 * of a function that is used for nothing else. Its answer, be it a refusal, proves that everything
 * older is over. Should such a question itself stay unanswered, and then the request behind a later
 * one, the next questions use the other of the two functions that read bits. */
#ifndef TIDEWATT_DRIVERS_RTU_OWED_H
#define TIDEWATT_DRIVERS_RTU_OWED_H

#include <stdbool.h>
#include <stdint.h>

/* A unit that does not answer the question (it should at least refuse) is believed again after so
 * long: no reply is that late. */
enum { RTU_OWED_MS = 30000 };

struct rtu_owed {
    struct rtu_debt {
        int64_t request_ns;  /* sending of the last request without an answer; real */
        int64_t last_ns;     /* of that or of the last question without one */
        bool request;        /* a request is unanswered */
        bool question;       /* questions of the present function are unanswered */
        bool other_function; /* the second of the functions is the present one */
    } units[256];
};

/* A request was sent and has ended without its reply. */
void rtu_owed_request(struct rtu_owed *owed, uint8_t unit, int64_t sent_ns);
void rtu_owed_question(struct rtu_owed *owed, uint8_t unit, int64_t sent_ns);

/* The unit must answer the question before it is sent a request. */
bool rtu_owed_must_ask(const struct rtu_owed *owed, uint8_t unit, int64_t now_ns);
uint8_t rtu_owed_function(const struct rtu_owed *owed, uint8_t unit); /* of the question */

/* Whether a frame of this unit may be a late one. */
bool rtu_owed_any(const struct rtu_owed *owed, uint8_t unit, int64_t now_ns);

void rtu_owed_request_answered(struct rtu_owed *owed, uint8_t unit);
void rtu_owed_question_answered(struct rtu_owed *owed, uint8_t unit);

#endif
