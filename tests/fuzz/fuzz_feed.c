/* libFuzzer: whatever a provider sends is blocks on the grid with finite values, or a reason with a
 * text; never a crash. The first byte chooses the mapping. */
#include <assert.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "controller/base/utc.h"
#include "controller/forecast/forecast.h"
#include "drivers/feed_document.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Clocks that change twice a year, as in Europe. */
static const struct feed_zone zone = {
    .count = 3,
    .shifts = {{946684800000, HOUR_MS}, {1774746000000, 2 * HOUR_MS}, {1792890000000, HOUR_MS}}};

static const struct feed_track tracks[] = {
    {.track = SERIES_TEMP,
     .values = FEED_INSTANT,
     .time = "/hourly/time",
     .value = "/hourly/temperature_2m",
     .zone = &zone,
     .factor = 1},
    {.track = SERIES_CARBON,
     .form = FEED_ROWS,
     .rows = "/data",
     .time = "/point_time",
     .value = "/value",
     .issue = "/meta/generated_at",
     .factor = 0.45},
    {.track = SERIES_PRICE,
     .kind = BLOCK_SETTLED,
     .form = FEED_POSITIONS,
     .each = "/TimeSeries/*/Period/*",
     .rows = "/Point",
     .position = "/position",
     .value = "/price.amount",
     .start = "/timeInterval/start",
     .end = "/timeInterval/end",
     .resolution = "/resolution",
     .factor = 1},
    {.track = SERIES_PRICE,
     .form = FEED_CSV,
     .time = "t",
     .value = "v",
     .zone = &zone,
     .factor = 1},
    {.track = SERIES_TEMP,
     .form = FEED_CSV,
     .values = FEED_MEAN_BEFORE,
     .issue = "issue",
     .lead = "lead",
     .value = "v",
     .factor = 1e3},
    {.track = INPUT_GHI,
     .time = "/t",
     .value = "/v",
     .time_form = FEED_TIME_S,
     .step_ms = 10 * MINUTE_MS,
     .factor = 1},
};
enum { TRACKS = sizeof tracks / sizeof *tracks };

static void check_block(void *context, const struct forecast_block *block)
{
    int *count = context;
    assert(block->track >= 0 && block->track < FORECAST_TRACKS);
    assert(block->count > 0 && block->count <= LIMIT_BLOCK);
    assert(block->start_ms % QUARTER_MS == 0 && block->step_ms % QUARTER_MS == 0);
    assert(block->step_ms > 0 && block->step_ms <= DAY_MS && block->issue_ms > 0);
    assert(!isnan(block->value[0]) && !isnan(block->value[block->count - 1]));
    for (int i = 0; i < block->count; i++)
        assert(!isinf(block->value[i]));
    (*count)++;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct feed_mapping mapping = {.count = 1};
    struct feed_summary summary;
    int count = 0;
    if (size == 0)
        return 0;
    mapping.tracks[0] = tracks[data[0] % TRACKS];
    char *bytes = malloc(size); /* to the byte, so that reading on is seen */
    memcpy(bytes, data + 1, size - 1);
    const struct feed_arrival arrival = {
        .bytes = bytes, .length = size - 1, .now_ms = 1795327620000, .source_ms = 1795327000000};
    feed_document_read(&mapping, "fuzz", &arrival, check_block, &count, &summary);
    assert((summary.reason == REASON_FEED_MALFORMED) == (count == 0));
    assert(summary.reason == REASON_NONE || summary.cause.text[0]);
    free(bytes);
    return 0;
}
