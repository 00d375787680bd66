/* How a feed does; see feed_watch.h. */
#include "drivers/feed_watch.h"

#include <stdio.h>

#include "controller/base/utc.h"

enum { FAILURES_TOLD = 2 };

void feed_watch_init(struct feed_watch *watch, int64_t silent_after_ms, int64_t now_ms)
{
    *watch = (struct feed_watch){
        .silent_after_ms = silent_after_ms, .since_ms = now_ms, .health = {.alive = true}};
}

void feed_watch_news(struct feed_watch *watch, const struct feed_health *seen, int64_t now_ms)
{
    struct feed_health *health = &watch->health;
    if (seen->issue_ms > health->issue_ms)
        health->issue_ms = seen->issue_ms;
    health->reason = seen->reason;
    health->cause = seen->cause;
    health->news_ms = watch->since_ms = now_ms;
    watch->failures = 0;
    watch->disputed = watch->disputed_told = watch->usable = false;
}

void feed_watch_unchanged(struct feed_watch *watch)
{
    if (watch->failures > 0) {
        watch->health.reason = REASON_NONE;
        watch->health.cause.text[0] = '\0';
    }
    watch->failures = 0;
}

void feed_watch_failed(struct feed_watch *watch, enum reason reason, const struct error *cause)
{
    watch->failures++;
    watch->health.reason = reason;
    watch->health.cause = *cause;
}

void feed_watch_judged(struct feed_watch *watch, enum reason reason)
{
    if (reason == REASON_FEED_CONTRADICTORY)
        watch->disputed = true;
    if (reason != REASON_FEED_INVALID)
        watch->usable = true;
    watch->invalid = !watch->usable;
    if (reason != REASON_NONE && watch->health.reason == REASON_NONE)
        watch->health.reason = reason;
}

static void judge(struct feed_watch *watch, int64_t now_ms)
{
    struct feed_health *health = &watch->health;
    watch->silent = now_ms - watch->since_ms >= watch->silent_after_ms;
    if (watch->silent && watch->failures == 0) {
        health->reason = REASON_FEED_SILENT;
        error_set(&health->cause, 0, "nothing new for %.1f h",
                  (double)(now_ms - watch->since_ms) / HOUR_MS);
    }
    if (watch->silent || watch->invalid || watch->failures >= FAILURES_TOLD)
        health->alive = false;
    else if (watch->failures == 0)
        health->alive = true; /* between the two it stays as it was */
}

bool feed_watch_turn(struct feed_watch *watch, int64_t now_ms, enum feed_turn *ret_turn,
                     struct error *ret_text)
{
    const struct feed_health *health = &watch->health;
    judge(watch, now_ms);
    if (health->alive == watch->lost) {
        watch->lost = !health->alive;
        *ret_turn = watch->lost ? FEED_TURN_LOST : FEED_TURN_BACK;
        if (!watch->lost)
            error_set(ret_text, 0, "it brings data again");
        else if (*health->cause.text)
            error_set(ret_text, 0, "%s: %.400s", reason_text(health->reason), health->cause.text);
        else
            error_set(ret_text, 0, "%s", reason_text(health->reason));
        return true;
    }
    if (!watch->disputed || watch->disputed_told)
        return false;
    watch->disputed_told = true;
    *ret_turn = FEED_TURN_DISPUTED;
    error_set(ret_text, 0, "%s", reason_text(REASON_FEED_CONTRADICTORY));
    return true;
}
