/* A lazy timer: starting and stopping one of libuv's for each request would cost more than the
 * request's own bookkeeping. */
#include "drivers/alarm.h"

static const int64_t MS_NS = 1000000;

static void on_timer(uv_timer_t *timer)
{
    struct alarm *alarm = timer->data;
    alarm->due_ns = 0;
    alarm->ring(alarm, (int64_t)uv_hrtime());
}

void alarm_init(struct alarm *alarm, uv_loop_t *loop,
                void (*ring)(struct alarm *alarm, int64_t now_ns), void *context)
{
    uv_timer_init(loop, &alarm->timer);
    alarm->timer.data = alarm;
    alarm->due_ns = 0;
    alarm->ring = ring;
    alarm->context = context;
}

void alarm_set(struct alarm *alarm, int64_t due_ns)
{
    if (alarm->due_ns != 0 && alarm->due_ns <= due_ns)
        return;
    uv_update_time(alarm->timer.loop); /* the loop's clock stands still while it works */
    int64_t wait_ns = due_ns - (int64_t)uv_hrtime();
    alarm->due_ns = due_ns;
    uv_timer_start(&alarm->timer, on_timer,
                   wait_ns <= 0 ? 0 : (uint64_t)((wait_ns + MS_NS - 1) / MS_NS), 0);
}

void alarm_close(struct alarm *alarm, void (*closed)(uv_handle_t *handle), void *data)
{
    alarm->timer.data = data;
    uv_close((uv_handle_t *)&alarm->timer, closed);
}
