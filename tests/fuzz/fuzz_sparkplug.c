/* libFuzzer: any messages of a Sparkplug node. Whatever they are, a value is finite and has a time,
 * and none comes from a node before an NBIRTH was taken, or after a gap. The input is a row of
 * messages: a byte that says which topic, two of its length, and the payload. */
#include <assert.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "drivers/mqtt_mapping.h"
#include "drivers/sparkplug.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const topics[] = {
    "spBv1.0/g/NBIRTH/n",   "spBv1.0/g/NDATA/n",    "spBv1.0/g/DBIRTH/n/d", "spBv1.0/g/DDATA/n/d",
    "spBv1.0/g/DDEATH/n/d", "spBv1.0/g/NDEATH/n",   "spBv1.0/g/DBIRTH/n/e", "spBv1.0/g/DDATA/n/e",
    "spBv1.0/g/NCMD/n",     "spBv1.0/g/NBIRTH/m/x",
};

static const struct sparkplug_watch watches[] = {
    {0, "g", "n", "", "Power", 1, 0},
    {1, "g", "n", "d", "Power", 1000, -1},
    {2, "g", "n", "d", "Count", 1, 0},
    {3, "g", "n", "d", "Count", -1e300, 0},
};

/* What may come out of the message at hand. */
struct watcher {
    int good, commands;
};

static void note_sample(void *context, const struct sample *sample)
{
    struct watcher *watcher = context;

    assert(sample->point >= 0 && sample->point < 4);
    assert((sample->quality == QUALITY_GOOD) == (sample->reason == REASON_FRESH));
    assert(!isfinite(sample->value) == (sample->quality != QUALITY_GOOD));
    assert(mqtt_time_plausible((double)sample->source_ms));
    watcher->good += sample->quality == QUALITY_GOOD;
}

static void note_command(void *context, const char *topic, const void *payload, size_t length)
{
    struct watcher *watcher = context;

    assert(strcmp(topic, "spBv1.0/g/NCMD/n") == 0 && payload && length > 0);
    watcher->commands++;
}

static int born(const struct sparkplug *sparkplug)
{
    struct sparkplug_health health;

    sparkplug_health(sparkplug, &health);
    return health.born;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct watcher watcher = {0};
    const struct sparkplug_sink sink = {&watcher, note_sample, note_command};
    int64_t now_ms = 1763764000000;
    struct sparkplug *sparkplug;
    struct error error;

    if (sparkplug_create(watches, 4, &sink, &sparkplug, &error) < 0)
        return 0;
    while (size >= 3) {
        size_t index = data[0] % (sizeof(topics) / sizeof(topics[0]));
        size_t length = data[1] | (size_t)(data[2] & 0x0f) << 8;
        int before = born(sparkplug);
        enum sparkplug_verdict verdict;

        data += 3;
        size -= 3;
        if (length > size)
            length = size;
        watcher.good = 0;
        verdict = sparkplug_take(sparkplug, topics[index], data, length, false, now_ms, &error);
        assert(watcher.good == 0 || before || index == 0);
        assert(verdict != SPARKPLUG_GAPPED || (!born(sparkplug) && watcher.good == 0));
        assert(verdict != SPARKPLUG_IGNORED || watcher.good == 0);
        data += length;
        size -= length;
        now_ms += 700;
        sparkplug_tick(sparkplug, now_ms);
    }
    sparkplug_destroy(sparkplug);
    return 0;
}
