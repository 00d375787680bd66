/* Job states as MQTT publications; see publish.h. */
#include "controller/serve/publish.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

static void address(const char *site, int64_t job_id, struct publication *publication)
{
    *publication = (struct publication){.qos = 1, .retain = true};
    snprintf(publication->topic, sizeof(publication->topic), "tidewatt/%s/jobs/%lld", site,
             (long long)job_id);
}

static json_t *feeder_name(const struct topology *topology, int32_t feeder)
{
    if (feeder < 0 || feeder >= topology->feeder_count)
        return json_null();
    return json_string(topology->feeders[feeder].name);
}

void publish_job(const char *site, const struct topology *topology, const struct job *job,
                 int64_t now_ms, struct publication *ret_publication)
{
    json_t *body =
        json_pack("{s:I, s:s, s:s, s:o, s:o, s:s, s:I}", "id", (json_int_t)job->id, "state",
                  job_state_name(job->state), "class", job_class_name(job->job_class), "power_w",
                  isfinite(job->power_w) ? json_real(job->power_w) : json_null(), "feeder",
                  feeder_name(topology, job->feeder), "reason", reason_name(job->reason),
                  "timestamp", (json_int_t)now_ms);
    size_t length;

    address(site, job->id, ret_publication);
    ret_publication->retain = !job_state_ended(job->state);
    length = json_dumpb(body, ret_publication->payload, sizeof(ret_publication->payload) - 1,
                        JSON_COMPACT | JSON_REAL_PRECISION(12));
    ret_publication->payload[length] = '\0';
    json_decref(body);
}

void publish_job_clear(const char *site, int64_t job_id, struct publication *ret_publication)
{
    address(site, job_id, ret_publication);
}
