/* Documents of the forms that providers send, and what becomes of those that are not sound. The
 * payloads are made up; their form is that of the services named. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "controller/base/utc.h"
#include "controller/forecast/forecast.h"
#include "drivers/feed_document.h"

enum { BLOCKS = 16 };

static struct forecast_block blocks[BLOCKS];
static int block_count;
static struct feed_summary summary;

static int64_t ms(const char *text)
{
    int64_t at_ms;
    assert_int_equal(utc_parse(text, &at_ms, NULL), 0);
    return at_ms;
}

static void keep(void *context, const struct forecast_block *block)
{
    (void)context;
    assert_true(block_count < BLOCKS);
    assert_int_equal(block->start_ms % QUARTER_MS, 0);
    assert_int_equal(block->step_ms % QUARTER_MS, 0);
    assert_string_equal(block->source, "feed");
    blocks[block_count++] = *block;
}

static void read_at(const struct feed_track *tracks, int count, const char *text,
                    struct feed_arrival arrival)
{
    struct feed_mapping mapping = {.count = count};
    struct error error;
    memcpy(mapping.tracks, tracks, (size_t)count * sizeof *tracks);
    for (int i = 0; i < count; i++) {
        if (mapping.tracks[i].factor == 0)
            mapping.tracks[i].factor = 1;
        if (feed_track_check(&mapping.tracks[i], &error) < 0)
            fail_msg("%s", error.text);
    }
    arrival.bytes = text;
    arrival.length = strlen(text);
    if (arrival.now_ms == 0)
        arrival.now_ms = ms("2026-11-22T06:07:00Z");
    block_count = 0;
    memset(blocks, 0, sizeof blocks);
    feed_document_read(&mapping, "feed", &arrival, keep, NULL, &summary);
}

static void read_text(const struct feed_track *track, const char *text)
{
    read_at(track, 1, text, (struct feed_arrival){0});
}

static void expect_block(int i, const char *start, int step_ms, int count, const float *values)
{
    assert_true(i < block_count);
    char text[UTC_TEXT];
    assert_string_equal(utc_format(blocks[i].start_ms, text), start);
    assert_int_equal(blocks[i].step_ms, step_ms);
    assert_int_equal(blocks[i].count, count);
    for (int v = 0; v < count; v++) {
        assert_int_equal(isnan(values[v]), isnan(blocks[i].value[v]));
        if (!isnan(values[v]))
            assert_float_equal(blocks[i].value[v], values[v], 1e-3);
    }
}

#define EXPECT(i, start, step_ms, ...)                                                             \
    expect_block(i, start, step_ms, (int)(sizeof((float[]){__VA_ARGS__}) / sizeof(float)),         \
                 (float[]){__VA_ARGS__})

static void expect_cause(enum reason reason, const char *part)
{
    assert_int_equal(summary.reason, reason);
    if (!strstr(summary.cause.text, part))
        fail_msg("\"%s\" is not in \"%s\"", part, summary.cause.text);
}

/* ---- providers ---- */

static struct feed_zone zone;

static const struct feed_zone *load(const char *name)
{
    struct error error;
    if (feed_zone_load(&zone, name, &error) < 0)
        fail_msg("%s", error.text);
    return &zone;
}

/* Parallel arrays; temperature is an instant, radiation the mean of the hour before. */
static void open_meteo(void **state)
{
    (void)state;
    const struct feed_track tracks[] = {
        {.track = SERIES_TEMP,
         .values = FEED_INSTANT,
         .time = "/hourly/time",
         .value = "/hourly/temperature_2m",
         .zone = load("UTC")},
        {.track = INPUT_GHI,
         .values = FEED_MEAN_BEFORE,
         .time = "/hourly/time",
         .value = "/hourly/shortwave_radiation",
         .zone = &zone},
    };
    read_at(tracks, 2,
            "{\"latitude\":52.5,\"generationtime_ms\":0.2,\"utc_offset_seconds\":0,"
            "\"hourly_units\":{\"time\":\"iso8601\",\"temperature_2m\":\"°C\"},\"hourly\":{"
            "\"time\":[\"2026-11-22T10:00\",\"2026-11-22T11:00\",\"2026-11-22T12:00\"],"
            "\"temperature_2m\":[4.0,8.0,6.0],\"shortwave_radiation\":[100,null,240.5]}}",
            (struct feed_arrival){.source_ms = ms("2026-11-22T05:00:00Z")});
    assert_int_equal(summary.reason, REASON_NONE);
    assert_int_equal(block_count, 2);
    EXPECT(0, "2026-11-22T10:00:00Z", QUARTER_MS, 4.5f, 5.5f, 6.5f, 7.5f, 7.75f, 7.25f, 6.75f,
           6.25f);
    assert_int_equal(blocks[0].issue_ms, ms("2026-11-22T05:00:00Z"));
    EXPECT(1, "2026-11-22T09:00:00Z", HOUR_MS, 100, NAN, 240.5f);
    assert_int_equal(blocks[1].track, INPUT_GHI);
    assert_int_equal(blocks[1].kind, BLOCK_FORECAST);
}

static void electricity_maps(void **state)
{
    (void)state;
    const struct feed_track track = {.track = SERIES_CARBON,
                                     .form = FEED_ROWS,
                                     .rows = "/forecast",
                                     .time = "/datetime",
                                     .value = "/carbonIntensity",
                                     .issue = "/updatedAt"};
    read_text(&track, "{\"zone\":\"DE\",\"forecast\":["
                      "{\"carbonIntensity\":326,\"datetime\":\"2026-11-22T06:00:00.000Z\"},"
                      "{\"carbonIntensity\":297,\"datetime\":\"2026-11-22T07:00:00.000Z\"},"
                      "{\"carbonIntensity\":295,\"datetime\":\"2026-11-22T09:00:00.000Z\"}],"
                      "\"updatedAt\":\"2026-11-22T05:41:21.450Z\"}");
    assert_int_equal(summary.reason, REASON_NONE);
    assert_int_equal(block_count, 1);
    EXPECT(0, "2026-11-22T06:00:00Z", HOUR_MS, 326, 297, NAN, 295); /* a time is missing */
    assert_int_equal(blocks[0].issue_ms, ms("2026-11-22T05:41:21.450Z"));
}

/* Five-minute values: a quarter hour counts once all of it is there. */
static void watttime(void **state)
{
    (void)state;
    const struct feed_track track = {.track = SERIES_CARBON,
                                     .form = FEED_ROWS,
                                     .rows = "/data",
                                     .time = "/point_time",
                                     .value = "/value",
                                     .issue = "/meta/generated_at",
                                     .factor = 0.45359237}; /* lb/MWh */
    read_text(&track, "{\"data\":[{\"point_time\":\"2026-11-22T06:00:00+00:00\",\"value\":1000},"
                      "{\"point_time\":\"2026-11-22T06:05:00+00:00\",\"value\":1000},"
                      "{\"point_time\":\"2026-11-22T06:10:00+00:00\",\"value\":700},"
                      "{\"point_time\":\"2026-11-22T06:15:00+00:00\",\"value\":900},"
                      "{\"point_time\":\"2026-11-22T06:20:00+00:00\",\"value\":900}],"
                      "\"meta\":{\"units\":\"lbs_co2_per_mwh\",\"data_point_period_seconds\":300,"
                      "\"generated_at\":\"2026-11-22T06:00:00+00:00\"}}");
    assert_int_equal(block_count, 1);
    EXPECT(0, "2026-11-22T06:00:00Z", QUARTER_MS, 408.2331f);
}

/* As gateways turn the XML into JSON: texts for numbers, no array around what comes once. */
static void entsoe(void **state)
{
    (void)state;
    struct feed_track track = {.track = SERIES_PRICE,
                               .kind = BLOCK_SETTLED,
                               .form = FEED_POSITIONS,
                               .each = "/TimeSeries/*/Period/*",
                               .rows = "/Point",
                               .position = "/position",
                               .value = "/price.amount",
                               .start = "/timeInterval/start",
                               .resolution = "/resolution"};
    const char *document =
        "{\"TimeSeries\":[{\"Period\":{\"timeInterval\":{\"start\":\"2026-11-22T23:00Z\","
        "\"end\":\"2026-11-23T03:00Z\"},\"resolution\":\"PT60M\",\"Point\":["
        "{\"position\":\"1\",\"price.amount\":\"50.1\"},{\"position\":\"2\",\"price.amount\":"
        "\"-3\"},{\"position\":\"4\",\"price.amount\":\"7\"}]}},"
        "{\"Period\":[{\"timeInterval\":{\"start\":\"2026-11-23T23:00Z\",\"end\":"
        "\"2026-11-23T23:30Z\"},\"resolution\":\"PT15M\",\"Point\":[{\"position\":1,"
        "\"price.amount\":9}]}]}]}";
    read_text(&track, document);
    assert_int_equal(summary.reason, REASON_NONE);
    assert_int_equal(block_count, 2);
    EXPECT(0, "2026-11-23T23:00:00Z", QUARTER_MS, 9);
    EXPECT(1, "2026-11-22T23:00:00Z", HOUR_MS, 50.1f, -3, NAN, 7);
    assert_int_equal(blocks[0].kind, BLOCK_SETTLED);
    strcpy(track.end, "/timeInterval/end"); /* curve type A03: what is left out repeats */
    read_text(&track, document);
    EXPECT(0, "2026-11-23T23:00:00Z", QUARTER_MS, 9, 9);
    EXPECT(1, "2026-11-22T23:00:00Z", HOUR_MS, 50.1f, -3, -3, 7);
}

static void csv_of_issues_and_leads(void **state)
{
    (void)state;
    const struct feed_track track = {.track = SERIES_TEMP,
                                     .form = FEED_CSV,
                                     .values = FEED_INSTANT,
                                     .issue = "issue_utc",
                                     .lead = "lead_h",
                                     .value = "temp_c"};
    read_text(&track, "issue_utc,lead_h,temp_c,wind_m_s\r\n"
                      "2026-11-21T00:00:00Z,0,4,7\r\n2026-11-21T00:00:00Z,0.5,6,7\r\n"
                      "2026-11-22T00:00:00Z,0,1,\r\n2026-11-22T00:00:00Z,0.5,,7\r\n"
                      "2026-11-22T00:00:00Z,1,3,7\r\n2026-11-22T00:00:00Z,1.5,4,7\r\n");
    assert_int_equal(summary.reason, REASON_NONE);
    assert_int_equal(block_count, 2);
    EXPECT(0, "2026-11-21T00:00:00Z", QUARTER_MS, 4.5f, 5.5f);
    EXPECT(1, "2026-11-22T01:00:00Z", QUARTER_MS, 3.25f, 3.75f);
    assert_int_equal(blocks[1].issue_ms, ms("2026-11-22T00:00:00Z"));
    assert_int_equal(summary.issue_ms, blocks[1].issue_ms);
}

static void csv_as_spreadsheets_write_it(void **state)
{
    (void)state;
    const struct feed_track track = {.track = SERIES_PRICE,
                                     .form = FEED_CSV,
                                     .time = "start, local",
                                     .value = "price",
                                     .zone = load("Europe/Madrid")};
    read_text(&track, "\xef\xbb\xbf# day-ahead\n\n\"start, local\";x;price\n"
                      "\"2026-11-22 00:00\";a;\"1.5\"\n2026-11-22 01:00:00; b ;n/a\n"
                      "2026-11-22 02:00;c; 3 ");
    expect_cause(REASON_FEED_PARTIAL, "price_per_mwh: \"n/a\" is no number");
    EXPECT(0, "2026-11-21T23:00:00Z", HOUR_MS, 1.5f, NAN, 3);
}

/* ---- time ---- */

static const struct feed_track local_csv = {
    .track = SERIES_PRICE, .form = FEED_CSV, .time = "t", .value = "v", .zone = &zone};

static void the_hour_that_clocks_show_twice(void **state)
{
    (void)state;
    load("Europe/Paris");
    read_text(&local_csv, "t,v\n2026-10-25T01:00,1\n2026-10-25T02:00,2\n2026-10-25T02:00,3\n"
                          "2026-10-25T03:00,4\n");
    assert_int_equal(summary.reason, REASON_NONE);
    EXPECT(0, "2026-10-24T23:00:00Z", HOUR_MS, 1, 2, 3, 4);
    read_text(&local_csv, "t,v\n2026-10-25T03:00,4\n2026-10-25T02:00,3\n2026-10-25T02:00,2\n"
                          "2026-10-25T01:00,1\n");
    EXPECT(0, "2026-10-24T23:00:00Z", HOUR_MS, 1, 2, 3, 4); /* newest first */
    read_text(&local_csv, "t,v\n2026-10-25T00:00,0\n2026-10-25T01:00,1\n2026-10-25T02:00,2\n"
                          "2026-10-25T03:00,4\n");
    expect_cause(REASON_FEED_PARTIAL, "clocks show this local time twice");
    EXPECT(0, "2026-10-24T22:00:00Z", HOUR_MS, 0, 1, NAN, NAN, 4); /* which one is not known */
}

static void the_hour_that_clocks_skip(void **state)
{
    (void)state;
    load("Europe/Paris");
    read_text(&local_csv, "t,v\n2026-03-29T00:00,0\n2026-03-29T01:00,1\n2026-03-29T03:00,3\n");
    assert_int_equal(summary.reason, REASON_NONE);
    EXPECT(0, "2026-03-28T23:00:00Z", HOUR_MS, 0, 1, 3);
    read_text(&local_csv, "t,v\n2026-03-29T01:00,1\n2026-03-29T02:00,2\n2026-03-29T03:00,3\n");
    expect_cause(REASON_FEED_PARTIAL, "clocks skip");
    EXPECT(0, "2026-03-29T00:00:00Z", HOUR_MS, 1, 3);
}

static void times_in_all_forms(void **state)
{
    (void)state;
    struct feed_track track = {.track = SERIES_PRICE, .form = FEED_CSV, .time = "t", .value = "v"};
    read_text(&track, "t,v\n2026-11-22T01:00:00.5+01:00,1\n");
    expect_cause(REASON_FEED_MALFORMED, "one value alone");
    read_text(&track, "t,v\n2026-11-21T19:00-05:00,1\n2026-11-22 02:00+01:00,2\n");
    EXPECT(0, "2026-11-22T00:00:00Z", HOUR_MS, 1, 2);
    read_text(&track, "t,v\n2026-11-22T01:00,1\n");
    expect_cause(REASON_FEED_MALFORMED, "line 2: \"2026-11-22T01:00\"");
    expect_cause(REASON_FEED_MALFORMED, "set timezone");
    track.time_form = FEED_TIME_S;
    read_text(&track, "t,v\n1795305600,1\n1795309200,2\n");
    EXPECT(0, "2026-11-22T00:00:00Z", HOUR_MS, 1, 2);
    read_text(&track, "t,v\n1795305600000,1\n");
    expect_cause(REASON_FEED_MALFORMED, "check time_form");
    track.time_form = FEED_TIME_MS;
    track.step_ms = HOUR_MS;
    read_text(&track, "t,v\n1795305600000,1\n");
    EXPECT(0, "2026-11-22T00:00:00Z", HOUR_MS, 1);
    read_text(&track, "t,v\n1795305600,1\n");
    expect_cause(REASON_FEED_MALFORMED, "check time_form");
}

static void unknown_zones_are_refused(void **state)
{
    (void)state;
    struct feed_zone other;
    struct error error;
    static const char *const names[] = {"", "Europe/Atlantis", "../passwd", "Europe/", "/etc"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_int_equal(feed_zone_load(&other, names[i], &error), ERROR_INVALID);
    setenv("TZ", "Asia/Tokyo", 1);
    load("America/New_York");
    assert_string_equal(getenv("TZ"), "Asia/Tokyo");
    assert_int_equal(zone.shifts[0].ahead_ms, -5 * HOUR_MS);
    unsetenv("TZ");
}

/* ---- steps ---- */

static void steps_off_the_grid_are_averaged(void **state)
{
    (void)state;
    const struct feed_track track = {
        .track = SERIES_PRICE, .form = FEED_CSV, .time = "t", .value = "v"};
    read_text(&track, "t,v\n2026-11-22T00:10:00Z,10\n2026-11-22T00:40:00Z,40\n");
    EXPECT(0, "2026-11-22T00:15:00Z", QUARTER_MS, 10, 20, 40);
    read_text(&track, "t,v\n2026-11-22T00:00:00Z,1\n2026-11-22T01:00:00Z,1\n"
                      "2026-11-22T02:10:00Z,1\n");
    expect_cause(REASON_FEED_MALFORMED, "not evenly spaced");
}

static void long_series_come_as_several_blocks(void **state)
{
    (void)state;
    static char text[65536];
    const struct feed_track track = {.track = SERIES_PRICE,
                                     .form = FEED_CSV,
                                     .time_form = FEED_TIME_S,
                                     .time = "t",
                                     .value = "v"};
    size_t used = (size_t)snprintf(text, sizeof text, "t,v\n");
    for (int i = 0; i < 1100; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "%lld,%d\n",
                                 1795305600LL + i * 3600LL + (i >= 1099 ? 1000 * 3600 : 0), i);
    read_text(&track, text);
    assert_int_equal(block_count, 4);
    assert_int_equal(blocks[0].count, LIMIT_BLOCK);
    assert_int_equal(blocks[1].start_ms, blocks[0].start_ms + LIMIT_BLOCK * (int64_t)HOUR_MS);
    assert_int_equal(blocks[2].count, 1099 - 2 * LIMIT_BLOCK);
    assert_float_equal(blocks[2].value[0], 2 * LIMIT_BLOCK, 0);
    assert_int_equal(blocks[3].count, 1); /* beyond a long gap */
    assert_float_equal(blocks[3].value[0], 1099, 0);
    assert_int_equal(summary.values, 1100);
}

/* ---- what is not sound ---- */

static void a_missing_track_does_not_cost_the_others(void **state)
{
    (void)state;
    const struct feed_track tracks[] = {
        {.track = SERIES_TEMP, .time = "/t", .value = "/gone", .time_form = FEED_TIME_S},
        {.track = INPUT_GHI, .time = "/t", .value = "/v", .time_form = FEED_TIME_S},
    };
    read_at(tracks, 2, "{\"t\":[1795305600,1795309200],\"v\":[1,2]}", (struct feed_arrival){0});
    expect_cause(REASON_FEED_PARTIAL, "temp_outdoor_c: \"/gone\" is absent");
    assert_int_equal(block_count, 1);
}

static void documents_that_are_none(void **state)
{
    (void)state;
    const struct feed_track track = {
        .track = SERIES_TEMP, .time = "/t", .value = "/v", .time_form = FEED_TIME_S};
    static const struct {
        const char *text, *cause;
    } cases[] = {
        {"", "no JSON"},
        {"<html>secret</html>", "no JSON from line 1"},
        {"{\"t\":[1795305600,17953", "it is cut off"},
        {"{\"t\":[1],\"t\":[2]}", "no JSON"},
        {"[]", "\"/t\" is absent"},
        {"{\"t\":[1795305600],\"v\":[1,2]}", "has 1 times and \"/v\" 2 values"},
        {"{\"t\":[\"x\"],\"v\":[1]}", "time_form asks for a number"},
        {"{\"t\":[null],\"v\":[1]}", "is null; it must be a time"},
        {"{\"t\":[1795305600,1795309200],\"v\":[null,null]}", "there is no value"},
        {"{\"t\":[1795305600,1795309200],\"v\":[1e300,{}]}", "beyond any value"},
        {"{\"t\":[],\"v\":[]}", "there is no value"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        read_text(&track, cases[i].text);
        expect_cause(REASON_FEED_MALFORMED, cases[i].cause);
        assert_int_equal(block_count, 0);
        assert_null(strstr(summary.cause.text, "secret"));
    }
}

static void rows_of_csv_that_are_none(void **state)
{
    (void)state;
    const struct feed_track track = {
        .track = SERIES_TEMP, .form = FEED_CSV, .time = "t", .value = "v"};
    read_text(&track, "t,v\n2026-11-22T00:00:00Z,1\n2026-11-22T01:0");
    expect_cause(REASON_FEED_MALFORMED, "line 3: it has 1 columns, the header 2");
    read_text(&track, "t,w\n");
    expect_cause(REASON_FEED_MALFORMED, "the header has no column \"v\"");
    read_text(&track, "# nothing\n");
    expect_cause(REASON_FEED_MALFORMED, "the document is empty");
}

static void a_time_with_two_values_says_nothing(void **state)
{
    (void)state;
    const struct feed_track track = {
        .track = SERIES_TEMP, .form = FEED_CSV, .time = "t", .value = "v"};
    read_text(&track, "t,v\n2026-11-22T00:00Z,1\n2026-11-22T01:00Z,2\n2026-11-22T01:00Z,3\n"
                      "2026-11-22T02:00Z,4\n2026-11-22T02:00Z,4\n");
    expect_cause(REASON_FEED_PARTIAL, "it comes twice, with two values");
    EXPECT(0, "2026-11-22T00:00:00Z", HOUR_MS, 1, NAN, 4);
}

static void issue_times(void **state)
{
    (void)state;
    struct feed_track track = {
        .track = SERIES_TEMP, .time = "/t", .value = "/v", .issue = "/i", .time_form = FEED_TIME_S};
    read_text(&track, "{\"i\":1795348800,\"t\":[1795305600,1795309200],\"v\":[1,2]}");
    expect_cause(REASON_FEED_MALFORMED, "it was issued at 2026-11-22T12:00:00Z, which is to come");
    *track.issue = '\0';
    const char *text = "{\"t\":[1795305600,1795309200],\"v\":[1,2]}";
    read_text(&track, text);
    assert_int_equal(blocks[0].issue_ms, ms("2026-11-22T06:07:00Z"));
    read_at(&track, 1, text, (struct feed_arrival){.source_ms = ms("2026-11-23T00:00:00Z")});
    assert_int_equal(blocks[0].issue_ms, ms("2026-11-22T06:07:00Z")); /* its clock is ahead */
    read_at(&track, 1, text, (struct feed_arrival){.stored = true});
    expect_cause(REASON_FEED_MALFORMED, "of unknown age");
    track.kind = BLOCK_MEASURED;
    read_at(&track, 1, text, (struct feed_arrival){.stored = true});
    assert_int_equal(summary.reason, REASON_NONE);
}

static void positions_that_do_not_count_up(void **state)
{
    (void)state;
    const struct feed_track track = {.track = SERIES_PRICE,
                                     .form = FEED_POSITIONS,
                                     .rows = "/p",
                                     .position = "/n",
                                     .value = "/v",
                                     .start = "/s",
                                     .end = "/e",
                                     .resolution = "/r"};
    static const struct {
        const char *text, *cause;
    } cases[] = {
        {"{\"s\":\"2026-11-22T00:00Z\",\"e\":\"2026-11-22T02:00Z\",\"r\":\"PT1H\",\"p\":["
         "{\"n\":2,\"v\":1},{\"n\":1,\"v\":1}]}",
         "must count up"},
        {"{\"s\":\"2026-11-22T00:00Z\",\"e\":\"2026-11-22T02:00Z\",\"r\":\"PT1H\",\"p\":["
         "{\"n\":3,\"v\":1}]}",
         "must count up"},
        {"{\"s\":\"2026-11-22T00:00Z\",\"e\":\"2026-11-22T02:00Z\",\"r\":\"PT1H\",\"p\":["
         "{\"n\":-4294967295,\"v\":1}]}",
         "must count up"},
        {"{\"s\":\"2026-11-22T00:00:00.5e300Z\",\"r\":\"PT1H\",\"e\":\"x\",\"p\":[]}",
         "is no time"},
        {"{\"s\":\"2026-11-22T00:00Z\",\"e\":\"2026-11-21T02:00Z\",\"r\":\"PT1H\",\"p\":[]}",
         "must be after"},
        {"{\"s\":\"2026-11-22T00:00Z\",\"e\":\"2026-11-22T02:00Z\",\"r\":\"1 h\",\"p\":[]}",
         "is no resolution such as PT15M"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        read_text(&track, cases[i].text);
        expect_cause(REASON_FEED_MALFORMED, cases[i].cause);
    }
}

static void mappings_that_are_none(void **state)
{
    (void)state;
    static const struct {
        struct feed_track track;
        const char *cause;
    } cases[] = {
        {{.time = "/t", .factor = 1}, "'value' is needed"},
        {{.time = "t", .value = "/v", .factor = 1}, "must start with \"/\""},
        {{.time = "/t", .value = "/v", .rows = "/r", .factor = 1}, "'rows' has no meaning"},
        {{.form = FEED_CSV, .lead = "l", .value = "v", .factor = 1}, "'issue' is needed"},
        {{.form = FEED_POSITIONS, .value = "/v", .factor = 1}, "'position' is needed"},
        {{.time = "/t", .value = "/v", .factor = 0}, "'scale'"},
        {{.time = "/t", .value = "/v", .factor = 1, .step_ms = 90 * 1000}, "'step'"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct error error = {""};
        assert_int_equal(feed_track_check(&cases[i].track, &error), ERROR_INVALID);
        if (!strstr(error.text, cases[i].cause))
            fail_msg("\"%s\" is not in \"%s\"", cases[i].cause, error.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(open_meteo),
        cmocka_unit_test(electricity_maps),
        cmocka_unit_test(watttime),
        cmocka_unit_test(entsoe),
        cmocka_unit_test(csv_of_issues_and_leads),
        cmocka_unit_test(csv_as_spreadsheets_write_it),
        cmocka_unit_test(the_hour_that_clocks_show_twice),
        cmocka_unit_test(the_hour_that_clocks_skip),
        cmocka_unit_test(times_in_all_forms),
        cmocka_unit_test(unknown_zones_are_refused),
        cmocka_unit_test(steps_off_the_grid_are_averaged),
        cmocka_unit_test(long_series_come_as_several_blocks),
        cmocka_unit_test(a_missing_track_does_not_cost_the_others),
        cmocka_unit_test(documents_that_are_none),
        cmocka_unit_test(rows_of_csv_that_are_none),
        cmocka_unit_test(a_time_with_two_values_says_nothing),
        cmocka_unit_test(issue_times),
        cmocka_unit_test(positions_that_do_not_count_up),
        cmocka_unit_test(mappings_that_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
