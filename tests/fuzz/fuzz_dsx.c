/* libFuzzer: any metadata of a building-management system. Whatever it is, there is a proposal with
 * names that fit, known points and texts. The input is lines of "objectType/pointType/tag payload".
 */
#include <assert.h>
#include <ctype.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/dsx_metadata.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void take_line(struct dsx *dsx, const char *line, size_t length)
{
    const char *blank = memchr(line, ' ', length);
    size_t topic_length = blank ? (size_t)(blank - line) : length;
    char topic[2 * LIMIT_TOPIC] = "BMS/v1/PUB/Metadata/";
    struct error error = {""};
    int rc;

    if (topic_length > LIMIT_TOPIC)
        return;
    memcpy(topic + strlen(topic), line, topic_length);
    rc =
        dsx_take(dsx, topic, blank ? blank + 1 : "", blank ? length - topic_length - 1 : 0, &error);
    assert(rc == 0 || error.text[0]);
}

static void check_device(const struct dsx_proposal *proposal, const struct dsx_device *device)
{
    assert(*device->name && *device->why && strlen(device->name) < LIMIT_NAME);
    for (const char *at = device->name; *at; at++)
        assert(isalnum((unsigned char)*at) || *at == '_' || *at == '-');
    assert((unsigned)device->role < DEVICE_ROLES);
    assert(device->fed_by >= -1 && device->fed_by < proposal->device_count);
}

static void check_proposal(const struct dsx_proposal *proposal)
{
    int utilities = 0;

    for (int32_t i = 0; i < proposal->device_count; i++) {
        check_device(proposal, &proposal->devices[i]);
        utilities += proposal->devices[i].role == ROLE_UTILITY;
    }
    assert(utilities <= 1);
    for (int32_t i = 0; i < proposal->point_count; i++) {
        const struct dsx_point *point = &proposal->points[i];
        double factor;

        assert((unsigned)point->kind < POINT_KINDS && isfinite(point->scale));
        assert(*point->topic || *point->write_topic);
        assert(point_unit_factor(point->kind, point->unit, &factor, NULL) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dsx *dsx = dsx_create("TIDEWATT");
    const char *text = (const char *)data;
    struct dsx_proposal *proposal;
    char *people, *config;

    while (size > 0) {
        const char *end = memchr(text, '\n', size);
        size_t length = end ? (size_t)(end - text) : size;

        take_line(dsx, text, length);
        text += length + (end != NULL);
        size -= length + (end != NULL);
    }
    proposal = dsx_propose(dsx);
    check_proposal(proposal);
    people = dsx_render_text(proposal);
    config = dsx_render_config(proposal);
    assert(people && config);
    free(people);
    free(config);
    dsx_proposal_destroy(proposal);
    dsx_destroy(dsx);
    return 0;
}
