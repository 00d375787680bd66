/* One token bucket a point between the image's verdicts and the ledger. */
#include "controller/plant/verdict_log.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

struct verdict {
    int8_t quality;
    int16_t reason;
};

struct entry {
    struct verdict seen, told;
    float tokens;
    uint32_t withheld;
    int64_t earned_ms; /* tokens are counted up to here */
};

struct verdict_log {
    int32_t point_count;
    uint64_t withheld;
    struct entry entries[];
};

struct telling {
    struct verdict_log *log;
    int64_t now_ms;
    struct verdict_change *changes;
    int count, most;
};

static const struct verdict none = {-1, -1};

struct verdict_log *verdict_log_create(int32_t point_count, struct error *error)
{
    size_t size = sizeof(struct verdict_log) + (size_t)point_count * sizeof(struct entry);
    struct verdict_log *log = calloc(1, size);
    if (!log) {
        error_set(error, ERROR_SYSTEM, "out of memory for the verdicts of %d points", point_count);
        return NULL;
    }
    log->point_count = point_count;
    for (int32_t p = 0; p < point_count; p++)
        log->entries[p] = (struct entry){.seen = none, .told = none, .tokens = VERDICT_BURST};
    return log;
}

void verdict_log_destroy(struct verdict_log *log)
{
    free(log);
}

static bool same(struct verdict a, struct verdict b)
{
    return a.quality == b.quality && a.reason == b.reason;
}

static void withhold(struct telling *telling, struct entry *entry, int32_t changes)
{
    entry->withheld += (uint32_t)changes;
    telling->log->withheld += (uint64_t)changes;
}

static bool spend(const struct telling *telling, struct entry *entry)
{
    int64_t elapsed_ms = telling->now_ms - entry->earned_ms;
    if (elapsed_ms > 0)
        entry->tokens =
            fminf(entry->tokens + (float)elapsed_ms / VERDICT_EVERY_MS, (float)VERDICT_BURST);
    entry->earned_ms = telling->now_ms;
    if (telling->count == telling->most || entry->tokens < 1)
        return false;
    entry->tokens -= 1;
    return true;
}

static void judge(struct telling *telling, int32_t point, struct verdict verdict, int64_t at_ms)
{
    struct entry *entry = &telling->log->entries[point];
    bool is_new = !same(verdict, entry->seen);
    entry->seen = verdict;
    if (same(verdict, entry->told)) {
        withhold(telling, entry, is_new); /* back before anybody was told that it had left */
        return;
    }
    if (!spend(telling, entry)) {
        withhold(telling, entry, is_new);
        return;
    }
    telling->changes[telling->count++] =
        (struct verdict_change){.at_ms = at_ms,
                                .point = point,
                                .quality = (enum quality)verdict.quality,
                                .reason = (enum reason)verdict.reason,
                                .withheld = entry->withheld};
    entry->told = verdict;
    entry->withheld = 0;
}

static void judge_lapse(struct telling *telling, int32_t point, const struct lapse *lapse)
{
    if (lapse->count == 0)
        return;
    withhold(telling, &telling->log->entries[point], lapse->count - 1);
    judge(telling, point, (struct verdict){(int8_t)lapse->quality, (int16_t)lapse->reason},
          lapse->at_ms);
}

int verdict_log_update(struct verdict_log *log, const struct image *frozen,
                       struct verdict_change *ret_changes, int most)
{
    assert(frozen->topology->point_count == log->point_count);
    struct telling telling = {
        .log = log, .now_ms = frozen->frozen_ms, .changes = ret_changes, .most = most};
    for (int32_t p = 0; p < log->point_count; p++) {
        const struct sample *sample = &frozen->values[p];
        if (frozen->lapses)
            judge_lapse(&telling, p, &frozen->lapses[p]);
        judge(&telling, p, (struct verdict){(int8_t)sample->quality, (int16_t)sample->reason},
              frozen->frozen_ms);
    }
    return telling.count;
}

uint64_t verdict_log_withheld(const struct verdict_log *log)
{
    return log->withheld;
}
