/* What Tidewatt tells the site over MQTT: job states and the controller's own state. Pure
 * rendering of topic and payload; the core hands them to the MQTT edge. Contract in
 * schema/mqtt/README.md.
 *
 *   tidewatt/{site}/jobs/{id}    retained, empty once the job has ended
 *     {"id":7,"state":"running","class":"deferrable","power_w":6500,"feeder":"A",
 *      "reason":"planned","timestamp":ms}
 *   tidewatt/{site}/status       retained: "online" / "offline" (will) */
#ifndef TIDEWATT_SERVE_PUBLISH_H
#define TIDEWATT_SERVE_PUBLISH_H

#include "controller/plant/job.h"
#include "controller/plant/point.h"

struct publication {
    char topic[LIMIT_TOPIC];
    char payload[512];
    int qos;
    bool retain;
};

/* An ended job yields its final state unretained; follow with publish_job_clear. */
void publish_job(const char *site, const struct topology *topology, const struct job *job,
                 int64_t now_ms, struct publication *ret_publication);
void publish_job_clear(const char *site, int64_t job_id, struct publication *ret_publication);

#endif
