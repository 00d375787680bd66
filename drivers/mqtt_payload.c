/* What a building-management payload says, and how far it can be believed. Apart from the
 * connection, because it takes bytes that anybody on the broker may have written. Pure. */
#include "drivers/mqtt.h"

#include <jansson.h>

enum { DSX_QUALITY_GOOD = 1 };

static int malformed(struct error *error, const json_t *got, const char *key, const char *wanted)
{
    static const char *const names[] = {"an object", "an array", "a string", "an integer",
                                        "a real",    "true",     "false",    "null"};

    if (!got)
        return error_set(error, ERROR_INVALID, "\"%s\" is absent; it must be %s", key, wanted);
    return error_set(error, ERROR_INVALID, "\"%s\" is %s; it must be %s", key,
                     names[json_typeof(got)], wanted);
}

static int check_form(const json_t *root, struct error *error)
{
    const json_t *value = json_object_get(root, "value");
    const json_t *timestamp = json_object_get(root, "timestamp");
    const json_t *quality = json_object_get(root, "quality");

    if (!json_is_number(value) && !json_is_null(value))
        return malformed(error, value, "value", "a number or null");
    if (!json_is_integer(timestamp))
        return malformed(error, timestamp, "timestamp", "an integer, UTC milliseconds since 1970");
    if (json_integer_value(timestamp) <= 0)
        return error_set(error, ERROR_INVALID,
                         "\"timestamp\" is %" JSON_INTEGER_FORMAT
                         "; it must be positive, UTC milliseconds since 1970",
                         json_integer_value(timestamp));
    if (!json_is_integer(quality))
        return malformed(error, quality, "quality", "an integer, 1 for good");
    return 0;
}

static json_t *load(const char *payload, size_t length, struct error *error)
{
    json_error_t why;
    json_t *root;

    if (length > LIMIT_PAYLOAD) {
        error_set(error, ERROR_INVALID, "%zu bytes are more than the %d that are looked at", length,
                  LIMIT_PAYLOAD);
        return NULL;
    }
    if (length == 0) {
        error_set(error, ERROR_INVALID, "the payload is empty: the retained value was cleared");
        return NULL;
    }
    root = json_loadb(payload, length, JSON_REJECT_DUPLICATES, &why);
    if (!root)
        error_set(error, ERROR_INVALID, "no JSON at byte %d: %s", why.position, why.text);
    return root;
}

enum quality mqtt_parse_value(const char *payload, size_t length, double *ret_value,
                              int64_t *ret_source_ms, enum reason *ret_reason,
                              struct error *ret_error)
{
    json_t *root = load(payload, length, ret_error);
    enum quality quality = QUALITY_BAD;
    const json_t *value;

    if (!root || check_form(root, ret_error) < 0) {
        *ret_reason = REASON_MALFORMED;
        json_decref(root);
        return QUALITY_BAD;
    }
    value = json_object_get(root, "value");
    *ret_source_ms = json_integer_value(json_object_get(root, "timestamp"));
    *ret_reason = REASON_SOURCE_SAYS_BAD;
    if (json_is_null(value)) {
        quality = QUALITY_MISSING;
    } else if (json_integer_value(json_object_get(root, "quality")) == DSX_QUALITY_GOOD) {
        *ret_value = json_number_value(value);
        *ret_reason = REASON_FRESH;
        quality = QUALITY_GOOD;
    }
    json_decref(root);
    return quality;
}
