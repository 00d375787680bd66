/* libFuzzer: whatever anybody on the broker or at the local socket may send is a verdict, never a
 * crash; a value is finite and has a time, and everything else says why it is none. */
#include <assert.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "controller/plan/plan.h"
#include "controller/serve/api.h"
#include "drivers/mqtt_mapping.h"

/* The planner is not linked: no plan is ever in force here. */
enum reason plan_why(const struct plan *plan, int32_t job, int32_t slot)
{
    (void)plan;
    (void)job;
    (void)slot;
    return REASON_NONE;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct snapshot *no_snapshot(void *context)
{
    static const struct snapshot snapshot;

    (void)context;
    return &snapshot;
}

static const struct plan *no_plan(void *context)
{
    (void)context;
    return NULL;
}

static int no_jobs(void *context, const struct job **ret_jobs)
{
    (void)context;
    *ret_jobs = NULL;
    return 0;
}

static int no_devices(void *context, struct api_device *ret_devices, int most)
{
    (void)context;
    (void)ret_devices;
    (void)most;
    return 0;
}

static void no_totals(void *context, struct api_totals *ret_totals)
{
    (void)context;
    (void)ret_totals;
}

/* What the interface lets through is well formed. */
static int check_submit(void *context, const struct job_request *request, int64_t *ret_id,
                        struct error *error)
{
    (void)context;
    (void)error;
    assert(isfinite(request->power_w) && request->power_w > 0 && request->work_ms > 0);
    assert(request->argc >= 1 && request->argc <= LIMIT_JOB_ARGS);
    assert(request->command_length >= 2 && request->command_length <= LIMIT_JOB_COMMAND);
    assert(request->command[request->command_length - 1] == '\0' && request->command[0]);
    assert(request->deadline_ms > request->release_ms && request->name[0]);
    *ret_id = 1;
    return 0;
}

static int no_cancel(void *context, int64_t job_id, const char *asker, struct error *error)
{
    (void)context;
    (void)asker;
    (void)error;
    assert(job_id > 0);
    return REASON_UNKNOWN_JOB;
}

static int check_mode(void *context, enum subsystem subsystem, enum mode mode, const char *asker,
                      struct error *error)
{
    (void)context;
    (void)asker;
    (void)error;
    assert((unsigned)subsystem < SUBSYSTEMS && (unsigned)mode < MODES);
    return 0;
}

static const struct api_core core = {.snapshot = no_snapshot,
                                     .plan = no_plan,
                                     .jobs = no_jobs,
                                     .devices = no_devices,
                                     .totals = no_totals,
                                     .submit = check_submit,
                                     .cancel = no_cancel,
                                     .set_mode = check_mode,
                                     .site = "fuzz",
                                     .currency = "EUR",
                                     .version = "0",
                                     .speed = 1};

static const struct mqtt_mapping mappings[] = {
    {.format = MQTT_DSX, .factor = 1},
    {.format = MQTT_JSON, .value = "/value", .factor = 1000, .offset = -1},
    {.format = MQTT_JSON,
     .value = "/value",
     .time = "/timestamp",
     .time_form = MQTT_TIME_S,
     .number_as_text = true,
     .suffix = "kW",
     .factor = 1},
    {.format = MQTT_JSON,
     .value = "/a~1b/0/x",
     .time = "/t",
     .time_form = MQTT_TIME_ISO8601,
     .quality = "/q",
     .quality_good = "Good",
     .factor = 1e300,
     .words = {{"on", 1}, {"true", 1}}},
    {.format = MQTT_PLAIN, .factor = 1},
    {.format = MQTT_PLAIN, .suffix = "%", .factor = 0.01, .words = {{"off", 0}}},
};

static void try_payload(const char *text, size_t size)
{
    struct mqtt_document document;

    mqtt_document_open(&document, text, size, size % 2, 1763764000000);
    for (size_t i = 0; i < sizeof(mappings) / sizeof(mappings[0]); i++) {
        struct sample sample = {.point = 3};
        struct error error = {""};
        enum quality quality = mqtt_document_read(&document, &mappings[i], &sample, &error);

        assert(quality == sample.quality && sample.point == 3 && sample.receive_ms > 0);
        assert((quality == QUALITY_GOOD) == (sample.reason == REASON_FRESH));
        assert(!isfinite(sample.value) == (quality != QUALITY_GOOD));
        assert(mqtt_time_plausible((double)sample.source_ms));
        assert(quality == QUALITY_GOOD || error.text[0]);
    }
    mqtt_document_close(&document);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *line = malloc(size + 1);
    char *reply;

    memcpy(line, data, size);
    line[size] = '\0';
    try_payload(line, size);
    reply = api_answer(&core, "fuzz", line);
    assert(reply && reply[strlen(reply) - 1] == '\n' && strchr(reply, '\n')[1] == '\0');
    free(reply);
    free(line);
    return 0;
}
