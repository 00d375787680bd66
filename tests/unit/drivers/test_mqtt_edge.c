/* The parts of the MQTT edge that need no broker: inbox, raw queue, set-points, heartbeats. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/mqtt_heartbeat.h"
#include "drivers/mqtt_inbox.h"
#include "drivers/mqtt_raw.h"
#include "drivers/mqtt_writeback.h"

/* ---- inbox ------------------------------------------------------------- */

static struct sample good(int32_t point, double value, int64_t source_ms)
{
    return (struct sample){.point = point,
                           .quality = QUALITY_GOOD,
                           .reason = REASON_FRESH,
                           .value = value,
                           .source_ms = source_ms};
}

enum { POINTS = 7, BACKLOG = 5 };

/* What a reader knows: the number of the last sample of each point. */
struct reader {
    double last[POINTS];
    uint64_t taken;
};

static void take_some(struct inbox *inbox, struct reader *reader, int most)
{
    struct sample samples[POINTS + BACKLOG];
    int count = inbox_take(inbox, samples, most);

    for (int i = 0; i < count; i++) {
        double *last = &reader->last[samples[i].point];

        assert_true(samples[i].value > *last);
        assert_int_equal(samples[i].reason,
                         samples[i].value == *last + 1 ? REASON_FRESH : REASON_OVERLOAD);
        *last = samples[i].value;
    }
    reader->taken += (uint64_t)count;
}

/* Whatever the reader's pace: in order, the newest of each point survives, gaps are marked. */
static void inbox_keeps_the_newest_of_each_point(void **state)
{
    struct reader reader = {{0}, 0};
    double written[POINTS] = {0};
    struct inbox inbox;
    struct error error;
    uint64_t puts = 0;

    (void)state;
    srandom(20261122);
    assert_int_equal(inbox_init(&inbox, POINTS, BACKLOG, &error), 0);
    for (int round = 0; round < 20000; round++) {
        int burst = (int)(random() % 40);

        for (; burst > 0; burst--, puts++) {
            int32_t point = (int32_t)(random() % (round % 2 ? POINTS : 2));
            struct sample sample = good(point, ++written[point], (int64_t)puts);

            inbox_put(&inbox, &sample);
            assert_true(inbox.length <= POINTS + BACKLOG);
        }
        take_some(&inbox, &reader, (int)(random() % (POINTS + BACKLOG)));
        if (round % 10 == 0) {
            take_some(&inbox, &reader, POINTS + BACKLOG);
            assert_memory_equal(reader.last, written, sizeof(written));
        }
    }
    take_some(&inbox, &reader, POINTS + BACKLOG);
    assert_int_equal(reader.taken + inbox.shed, puts);
    assert_true(inbox.shed > 0);
    inbox_finish(&inbox);
}

static void inbox_sheds_what_was_overtaken(void **state)
{
    struct sample samples[3] = {good(0, 10, 10), good(0, 5, 5), good(0, 7, 7)};
    struct inbox inbox;
    struct error error;

    (void)state;
    assert_int_equal(inbox_init(&inbox, 1, 1, &error), 0);
    for (int i = 0; i < 3; i++)
        inbox_put(&inbox, &samples[i]);
    assert_int_equal(inbox_take(&inbox, samples, 3), 2);
    assert_true(samples[0].value == 10 && samples[0].reason == REASON_OVERLOAD);
    assert_true(samples[1].value == 7);
    inbox_finish(&inbox);
}

/* A verdict is not made good by shedding what was before it. */
static void inbox_leaves_bad_verdicts_alone(void **state)
{
    struct sample samples[3] = {good(0, 1, 1), good(0, 2, 2), good(0, 3, 3)};
    struct inbox inbox;
    struct error error;

    (void)state;
    samples[1].quality = QUALITY_BAD;
    samples[1].reason = REASON_MALFORMED;
    assert_int_equal(inbox_init(&inbox, 1, 1, &error), 0);
    for (int i = 0; i < 3; i++)
        inbox_put(&inbox, &samples[i]);
    assert_int_equal(inbox_take(&inbox, samples, 3), 2);
    assert_int_equal(samples[0].quality, QUALITY_BAD);
    assert_int_equal(samples[0].reason, REASON_MALFORMED);
    inbox_finish(&inbox);
}

/* ---- raw messages ------------------------------------------------------ */

static int count_raw(struct raw_queue *queue, const char *first)
{
    struct raw_message *message = raw_take(queue, LIMIT_RAW_MESSAGES), *next;
    int count = 0;

    if (message)
        assert_string_equal(message->topic, first);
    for (; message; message = next, count++) {
        next = message->next;
        free(message);
    }
    return count;
}

static void raw_queue_is_bounded_by_number_and_bytes(void **state)
{
    static char large[LIMIT_RAW_PAYLOAD];
    struct raw_queue queue;
    char topic[32];

    (void)state;
    raw_init(&queue);
    for (int i = 0; i < LIMIT_RAW_MESSAGES + 3; i++) {
        snprintf(topic, sizeof(topic), "t/%d", i);
        raw_put(&queue, topic, NULL, 0, false);
    }
    assert_int_equal(queue.shed, 3);
    assert_int_equal(count_raw(&queue, "t/3"), LIMIT_RAW_MESSAGES);
    for (int i = 0; i < LIMIT_RAW_BYTES / (int)sizeof(large) + 2; i++) {
        snprintf(topic, sizeof(topic), "l/%d", i);
        raw_put(&queue, topic, large, sizeof(large), true);
        assert_true(queue.bytes <= LIMIT_RAW_BYTES);
    }
    assert_int_equal(queue.shed, 5);
    assert_int_equal(count_raw(&queue, "l/2"), LIMIT_RAW_BYTES / (int)sizeof(large));
    assert_int_equal(count_raw(&queue, ""), 0);
    raw_put(&queue, "x", "1", 1, false);
    raw_finish(&queue);
}

/* One message alone could be longer than all that may wait. */
static void raw_queue_sheds_what_is_too_long_by_itself(void **state)
{
    static char large[LIMIT_RAW_PAYLOAD + 1];
    char topic[LIMIT_TOPIC + 1];
    struct raw_queue queue;

    (void)state;
    memset(topic, 't', sizeof(topic) - 1);
    topic[sizeof(topic) - 1] = '\0';
    raw_init(&queue);
    raw_put(&queue, "first", "1", 1, false);
    raw_put(&queue, "x", large, sizeof(large), false);
    raw_put(&queue, topic, "1", 1, false);
    assert_int_equal(queue.shed, 2);
    assert_int_equal(queue.bytes, 1);
    raw_put(&queue, "x", large, LIMIT_RAW_PAYLOAD, false);
    raw_put(&queue, topic + 1, "1", 1, false);
    assert_int_equal(queue.shed, 2);
    assert_int_equal(count_raw(&queue, "first"), 3);
    raw_finish(&queue);
}

static void raw_messages_are_taken_in_turns(void **state)
{
    struct raw_message *taken;
    struct raw_queue queue;

    (void)state;
    raw_init(&queue);
    assert_null(raw_take(&queue, 1));
    for (const char *topic = "abc"; *topic; topic++)
        raw_put(&queue, (char[]){*topic, '\0'}, "12", 2, false);
    taken = raw_take(&queue, 1);
    assert_string_equal(taken->topic, "a");
    assert_null(taken->next);
    free(taken);
    assert_int_equal(queue.count, 2);
    assert_int_equal(queue.bytes, 4);
    assert_int_equal(count_raw(&queue, "b"), 2);
    raw_put(&queue, "d", NULL, 0, false); /* the end was reached, and is an end again */
    assert_int_equal(count_raw(&queue, "d"), 1);
    raw_finish(&queue);
}

/* ---- set-points -------------------------------------------------------- */

struct outcome {
    int count;
    int32_t point;
    double value;
    enum reason reason;
};

static void note_outcome(void *context, int32_t point, double value, enum reason reason)
{
    struct outcome *outcome = context;

    *outcome = (struct outcome){outcome->count + 1, point, value, reason};
}

static void make_points(struct mqtt_point points[2])
{
    memset(points, 0, 2 * sizeof(*points));
    for (int i = 0; i < 2; i++) {
        mqtt_mapping_init(&points[i].mapping, MQTT_DSX);
        points[i].point = 3 - i;
        sprintf(points[i].topic, "read/%d", i);
        sprintf(points[i].write.topic, "write/%d", i);
    }
    points[0].mapping.factor = 1000; /* kW */
    points[0].write.tolerance = 10;
    points[0].write.has_feedback = true;
    points[0].write.feedback = 1;
}

static void observe(struct writebacks *writes, int32_t point, double value, int64_t source_ms,
                    struct outcome *outcome)
{
    struct sample sample = good(point, value, source_ms);

    writebacks_observe(writes, &sample, note_outcome, outcome);
}

static void setpoint_is_confirmed_only_by_news(void **state)
{
    struct outcome outcome = {0};
    struct mqtt_point points[2];
    struct writebacks writes;
    struct writeback *write;
    char payload[128];
    struct error error;

    (void)state;
    make_points(points);
    assert_int_equal(writebacks_init(&writes, points, 2, 8, &error), 0);
    assert_null(writebacks_find(&writes, 1));
    write = writebacks_find(&writes, 3);
    assert_int_equal(writeback_encode(write, 12345.6, 77, payload, sizeof(payload), &error), 0);
    assert_string_equal(payload, "{\"value\":12.3456,\"timestamp\":77,\"quality\":1}");
    assert_int_equal(
        writeback_encode(write, (double)INFINITY, 77, payload, sizeof(payload), &error),
        ERROR_INVALID);

    observe(&writes, 1, 5000, 99000, &outcome);
    writeback_begin(&writes, write, 5000, 100000, 1, note_outcome, &outcome);
    observe(&writes, 1, 5000, 99000, &outcome);  /* the same one again */
    observe(&writes, 1, 5000, 94000, &outcome);  /* from long before */
    observe(&writes, 3, 5000, 101000, &outcome); /* not the feedback */
    assert_int_equal(outcome.count, 0);
    observe(&writes, 1, 5009, 99500, &outcome);
    assert_int_equal(outcome.count, 1);
    assert_int_equal(outcome.reason, REASON_WRITE_CONFIRMED);
    assert_int_equal(outcome.point, 3);
    assert_true(outcome.value == 5000);
    observe(&writes, 1, 5000, 102000, &outcome);
    assert_int_equal(outcome.count, 1);
    writebacks_finish(&writes);
}

static void setpoint_runs_out_of_time(void **state)
{
    struct outcome outcome = {0};
    struct mqtt_point points[2];
    struct writebacks writes;
    struct error error;

    (void)state;
    make_points(points);
    assert_int_equal(writebacks_init(&writes, points, 2, 8, &error), 0);
    writeback_begin(&writes, writebacks_find(&writes, 2), 5, 100000, 50, note_outcome, &outcome);
    writebacks_expire(&writes, 49 + MQTT_ANSWER_MS, note_outcome, &outcome);
    assert_int_equal(outcome.count, 0);
    writebacks_expire(&writes, 50 + MQTT_ANSWER_MS, note_outcome, &outcome);
    assert_int_equal(outcome.reason, REASON_WRITE_UNANSWERED);
    writeback_begin(&writes, writebacks_find(&writes, 2), 5, 100000, 50, note_outcome, &outcome);
    observe(&writes, 2, 6, 100001, &outcome);
    writebacks_expire(&writes, 50 + MQTT_ANSWER_MS, note_outcome, &outcome);
    assert_int_equal(outcome.reason, REASON_WRITE_NOT_HELD);
    assert_int_equal(outcome.count, 2);
    assert_int_equal(writes.pending, 0);
    writebacks_finish(&writes);
}

/* Each write that left has an outcome, and what is read back counts for the newest alone. */
static void setpoint_that_is_superseded_is_told(void **state)
{
    struct outcome outcome = {0};
    struct mqtt_point points[2];
    struct writebacks writes;
    struct writeback *write;
    struct error error;

    (void)state;
    make_points(points);
    assert_int_equal(writebacks_init(&writes, points, 2, 8, &error), 0);
    write = writebacks_find(&writes, 2);
    writeback_begin(&writes, write, 5, 100000, 50, note_outcome, &outcome);
    assert_int_equal(outcome.count, 0);
    writeback_begin(&writes, write, 6, 101000, 1050, note_outcome, &outcome);
    assert_int_equal(outcome.count, 1);
    assert_int_equal(outcome.point, 2);
    assert_true(outcome.value == 5);
    assert_int_equal(outcome.reason, REASON_WRITE_REPLACED);
    assert_int_equal(writes.pending, 1);
    observe(&writes, 2, 5, 101001, &outcome);
    assert_int_equal(outcome.count, 1);
    observe(&writes, 2, 6, 101002, &outcome);
    assert_int_equal(outcome.count, 2);
    assert_true(outcome.value == 6);
    assert_int_equal(outcome.reason, REASON_WRITE_CONFIRMED);
    assert_int_equal(writes.pending, 0);
    writebacks_finish(&writes);
}

static void setpoint_must_not_confirm_itself(void **state)
{
    struct mqtt_point points[2];
    struct writebacks writes;
    struct error error;

    (void)state;
    make_points(points);
    strcpy(points[1].topic, points[1].write.topic);
    assert_int_equal(writebacks_init(&writes, points, 2, 8, &error), ERROR_INVALID);
    writebacks_finish(&writes);
    make_points(points);
    points[1].topic[0] = '\0';
    assert_int_equal(writebacks_init(&writes, points, 2, 8, &error), ERROR_INVALID);
    writebacks_finish(&writes);
    make_points(points);
    points[1].mapping.format = MQTT_JSON;
    assert_int_equal(writebacks_init(&writes, points, 2, 8, &error), ERROR_INVALID);
    assert_non_null(strstr(error.text, "json"));
    writebacks_finish(&writes);
}

/* ---- heartbeats -------------------------------------------------------- */

#define BMS_TOPIC "BMS/v1/PUB/Value/System/HeartbeatTimestampBms/bms"
enum { NOW = 1800000000 };

static void beat(struct heartbeat *heartbeat, int64_t source_ms, bool retained, int64_t real_ms)
{
    char payload[128];

    dsx_encode((double)source_ms, source_ms, payload, sizeof(payload));
    heartbeat_take(heartbeat, BMS_TOPIC, payload, strlen(payload), retained, source_ms, real_ms);
}

static void only_a_moving_heartbeat_is_life(void **state)
{
    const int64_t time_ms = NOW * INT64_C(1000);
    struct heartbeat heartbeat;
    struct error error;

    (void)state;
    assert_int_equal(heartbeat_init(&heartbeat, "TW1", &error), 0);
    heartbeat_listen(&heartbeat, 1000);
    assert_false(heartbeat_lost(&heartbeat, 1000 + HEARTBEAT_SILENCE_MS));
    beat(&heartbeat, time_ms, true, 20000); /* stored by the broker */
    assert_true(heartbeat_lost(&heartbeat, 1001 + HEARTBEAT_SILENCE_MS));
    heartbeat_listen(&heartbeat, 50000); /* a new connection proves nothing */
    assert_true(heartbeat_lost(&heartbeat, 50001));
    beat(&heartbeat, time_ms, false, 60000);
    assert_false(heartbeat_lost(&heartbeat, 60001));
    beat(&heartbeat, time_ms, false, 80000); /* a gateway repeats what it heard last */
    assert_true(heartbeat_lost(&heartbeat, 60001 + HEARTBEAT_SILENCE_MS));
    beat(&heartbeat, time_ms + 1, false, 100000);
    assert_false(heartbeat_lost(&heartbeat, 100001));
    heartbeat_take(&heartbeat, BMS_TOPIC, "{}", 2, false, time_ms, 120000);
    assert_true(heartbeat_lost(&heartbeat, 100001 + HEARTBEAT_SILENCE_MS));
    heartbeat_finish(&heartbeat);
}

static void tell_metadata(struct heartbeat *heartbeat, const char *point, const char *integration)
{
    char topic[LIMIT_TOPIC], payload[512];

    snprintf(topic, sizeof(topic), "BMS/v1/PUB/Metadata/System/%s/%s", point, integration);
    snprintf(payload, sizeof(payload),
             "{\"objectType\":\"System\",\"pointType\":\"%s\",\"objectName\":\"x\","
             "\"objectId\":\"x\",\"integration\":\"%s\"}",
             point, integration);
    heartbeat_take(heartbeat, topic, payload, strlen(payload), true, NOW, 1);
}

static void ours_are_published_where_the_metadata_says(void **state)
{
    const int64_t time_ms = NOW * INT64_C(1000);
    char payload[HEARTBEAT_PAYLOAD];
    struct heartbeat heartbeat;
    const char *topic;
    struct error error;

    (void)state;
    assert_int_equal(heartbeat_init(&heartbeat, "TW1", &error), 0);
    tell_metadata(&heartbeat, "HeartbeatTimestampIntegration", "TW2"); /* another's */
    heartbeat_settle(&heartbeat);
    beat(&heartbeat, time_ms, false, 1000);
    assert_false(heartbeat_next(&heartbeat, time_ms, 1000, &topic, payload));
    tell_metadata(&heartbeat, "HeartbeatTimestampIntegration", "TW1");
    tell_metadata(&heartbeat, "HeartbeatEchoIntegration", "TW1");
    heartbeat_settle(&heartbeat);
    assert_true(heartbeat_next(&heartbeat, time_ms + 5, 2000, &topic, payload));
    assert_string_equal(topic, "BMS/v1/TW1/Value/System/HeartbeatEchoIntegration/TW1");
    assert_string_equal(payload,
                        "{\"value\":1800000000000,\"timestamp\":1800000000005,\"quality\":1}");
    assert_true(heartbeat_next(&heartbeat, time_ms + 7, 2000, &topic, payload));
    assert_string_equal(topic, "BMS/v1/TW1/Value/System/HeartbeatTimestampIntegration/TW1");
    assert_string_equal(payload,
                        "{\"value\":1800000000007,\"timestamp\":1800000000007,\"quality\":1}");
    assert_false(heartbeat_next(&heartbeat, time_ms, 1999 + HEARTBEAT_MS, &topic, payload));
    assert_true(heartbeat_next(&heartbeat, time_ms, 2000 + HEARTBEAT_MS, &topic, payload));
    heartbeat_finish(&heartbeat);
}

/* However many somebody describes: those known stand, the others are counted. */
static void heartbeats_of_the_metadata_are_bounded(void **state)
{
    struct heartbeat heartbeat;
    char name[LIMIT_NAME];
    struct error error;

    (void)state;
    assert_int_equal(heartbeat_init(&heartbeat, "TW1", &error), 0);
    tell_metadata(&heartbeat, "HeartbeatTimestampIntegration", "TW1");
    for (int i = 0; i < LIMIT_HEARTBEATS + 7; i++) {
        snprintf(name, sizeof(name), "A%d", i);
        tell_metadata(&heartbeat, "HeartbeatTimestampBms", name);
    }
    assert_int_equal(dsx_point_count(heartbeat.metadata), LIMIT_HEARTBEATS);
    assert_int_equal(heartbeat.refused, 8);
    tell_metadata(&heartbeat, "HeartbeatTimestampBms", "A0"); /* known: no newcomer */
    assert_int_equal(heartbeat.refused, 8);
    assert_string_equal(heartbeat.topics.ours, "");
    heartbeat_settle(&heartbeat);
    assert_string_equal(heartbeat.topics.ours,
                        "BMS/v1/TW1/Value/System/HeartbeatTimestampIntegration/TW1");
    heartbeat_finish(&heartbeat);
}

static void without_an_integration_there_are_no_heartbeats(void **state)
{
    struct heartbeat heartbeat;
    char payload[HEARTBEAT_PAYLOAD];
    const char *topic;
    struct error error;

    (void)state;
    assert_int_equal(heartbeat_init(&heartbeat, "", &error), 0);
    heartbeat_listen(&heartbeat, 1);
    assert_false(heartbeat_lost(&heartbeat, 1 << 30));
    assert_false(heartbeat_next(&heartbeat, NOW, 1 << 30, &topic, payload));
    heartbeat_finish(&heartbeat);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(inbox_keeps_the_newest_of_each_point),
        cmocka_unit_test(inbox_sheds_what_was_overtaken),
        cmocka_unit_test(inbox_leaves_bad_verdicts_alone),
        cmocka_unit_test(raw_queue_is_bounded_by_number_and_bytes),
        cmocka_unit_test(raw_queue_sheds_what_is_too_long_by_itself),
        cmocka_unit_test(raw_messages_are_taken_in_turns),
        cmocka_unit_test(setpoint_is_confirmed_only_by_news),
        cmocka_unit_test(setpoint_runs_out_of_time),
        cmocka_unit_test(setpoint_that_is_superseded_is_told),
        cmocka_unit_test(setpoint_must_not_confirm_itself),
        cmocka_unit_test(only_a_moving_heartbeat_is_life),
        cmocka_unit_test(ours_are_published_where_the_metadata_says),
        cmocka_unit_test(heartbeats_of_the_metadata_are_bounded),
        cmocka_unit_test(without_an_integration_there_are_no_heartbeats),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
