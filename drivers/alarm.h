/* A timer that is set for every request and hardly ever rings: setting it costs a comparison. */
#ifndef TIDEWATT_DRIVERS_ALARM_H
#define TIDEWATT_DRIVERS_ALARM_H

#include <stdint.h>

#include <uv.h>

struct alarm {
    uv_timer_t timer;
    int64_t due_ns; /* when it rings; 0: it does not */
    void (*ring)(struct alarm *alarm, int64_t now_ns);
    void *context;
};

void alarm_init(struct alarm *alarm, uv_loop_t *loop,
                void (*ring)(struct alarm *alarm, int64_t now_ns), void *context);

/* Rings once, at `due_ns` (of uv_hrtime) or before: an earlier time that it is set to is kept, and
 * who is rung too early sets it again. */
void alarm_set(struct alarm *alarm, int64_t due_ns);

/* `closed` is called by the loop, when the memory may go. */
void alarm_close(struct alarm *alarm, void (*closed)(uv_handle_t *handle), void *data);

#endif
