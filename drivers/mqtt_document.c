/* What a payload says, and how far it can be believed. Payloads come from anybody on the
 * broker. Times outside two centuries are refused: see text_scan.h. */
#include <assert.h>
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <jansson.h>

#include "controller/base/utc.h"
#include "drivers/json_pointer.h"
#include "drivers/mqtt_mapping.h"
#include "drivers/text_scan.h"

static_assert((int)MQTT_POINTER == JSON_POINTER, "their pointers are ours");

enum stage {
    STAGE_OPEN,    /* not parsed yet */
    STAGE_REFUSED, /* empty or too long: not looked at */
    STAGE_JSON,    /* parsed */
    STAGE_NO_JSON, /* it cannot be parsed; it may still be plain text */
};

enum { NUMBER_TEXT = 64 }; /* bytes of a number as text that are looked at, with the NUL */

/* Where the DSX contract has them. */
static const struct mqtt_mapping dsx_places = {.format = MQTT_DSX,
                                               .value = "/value",
                                               .time = "/timestamp",
                                               .quality = "/quality",
                                               .quality_good = "1"};

/* ---- a payload as text ------------------------------------------------- */

static bool names_no_number(const char *text)
{
    const char *name = text + (*text == '-' || *text == '+');

    return strcasecmp(name, "nan") == 0 || strcasecmp(name, "inf") == 0 ||
           strcasecmp(name, "infinity") == 0;
}

static void trim(const char **text, size_t *length)
{
    while (*length > 0 && isspace((unsigned char)**text)) {
        (*text)++;
        (*length)--;
    }
    while (*length > 0 && isspace((unsigned char)(*text)[*length - 1]))
        (*length)--;
}

static enum reason scan_number(const char *text, const char *suffix, double *ret_value,
                               struct error *error)
{
    size_t length = text_number_length(text);
    const char *rest = text + length;
    double value;

    if (names_no_number(text)) {
        error_set(error, ERROR_INVALID, "\"%s\" is not a finite number", text);
        return REASON_NOT_FINITE;
    }
    if (*suffix && length > 0)
        rest += strspn(rest, " ");
    if (length == 0 || strcmp(rest, suffix) != 0) {
        error_set(error, ERROR_INVALID, "\"%s\" is no decimal number%s%s", text,
                  *suffix ? " followed by " : "", suffix);
        return REASON_MALFORMED;
    }
    value = strtod(text, NULL);
    if (!isfinite(value)) {
        error_set(error, ERROR_INVALID, "\"%s\" is beyond any number", text);
        return REASON_NOT_FINITE;
    }
    *ret_value = value;
    return REASON_FRESH;
}

static const struct mqtt_word *find_word(const struct mqtt_mapping *mapping, const char *text,
                                         size_t length)
{
    for (int i = 0; i < MQTT_WORDS && *mapping->words[i].text; i++) {
        const char *word = mapping->words[i].text;

        if (strlen(word) == length && memcmp(word, text, length) == 0)
            return &mapping->words[i];
    }
    return NULL;
}

static enum reason read_text(const struct mqtt_mapping *mapping, const char *text, size_t length,
                             double *ret_value, struct error *error)
{
    const struct mqtt_word *word;
    char number[NUMBER_TEXT], quoted[TEXT_EXCERPT];
    enum reason reason = REASON_MALFORMED;

    trim(&text, &length);
    word = find_word(mapping, text, length);
    if (word) {
        *ret_value = word->value;
        return REASON_FRESH;
    }
    if (length < sizeof(number) && !memchr(text, '\0', length)) {
        memcpy(number, text, length);
        number[length] = '\0';
        reason = scan_number(number, mapping->suffix, ret_value, error);
    }
    if (reason == REASON_MALFORMED) {
        bool states = *mapping->words[0].text;

        error_set(error, ERROR_INVALID, "\"%s\" is no decimal number%s%s%s",
                  text_excerpt(text, length, quoted), *mapping->suffix ? " followed by " : "",
                  mapping->suffix, states ? ", nor a word that stands for one" : "");
        return states ? REASON_UNKNOWN_STATE : REASON_MALFORMED;
    }
    return reason;
}

/* ---- JSON -------------------------------------------------------------- */

static const char *kind_of(const json_t *value)
{
    static const char *const names[] = {"an object", "an array", "a string", "an integer",
                                        "a real",    "true",     "false",    "null"};

    return value ? names[json_typeof(value)] : "absent";
}

static enum reason malformed(struct error *error, const char *pointer, const json_t *got,
                             const char *wanted)
{
    error_set(error, ERROR_INVALID, "\"%s\" is %s; it must be %s", pointer, kind_of(got), wanted);
    return REASON_MALFORMED;
}

bool mqtt_time_plausible(double utc_ms)
{
    return text_time_plausible(utc_ms);
}

static enum reason read_time_number(const char *pointer, double number, enum mqtt_time_form form,
                                    int64_t *ret_ms, struct error *error)
{
    double ms = form == MQTT_TIME_S ? number * SECOND_MS : number;
    const char *hint = "";

    if (text_time_plausible(ms)) {
        *ret_ms = (int64_t)llround(ms);
        return REASON_FRESH;
    }
    if (form == MQTT_TIME_MS && text_time_plausible(number * SECOND_MS))
        hint = ": it looks like seconds";
    else if (form == MQTT_TIME_S && text_time_plausible(number))
        hint = ": it looks like milliseconds";
    error_set(error, ERROR_INVALID,
              "\"%s\" is %.17g; as %s since 1970 that is no time between 2000 and 2199%s", pointer,
              number, form == MQTT_TIME_S ? "seconds" : "milliseconds", hint);
    return REASON_MALFORMED;
}

/* ISO 8601 with any fraction of a second; the calendar is utc_parse's. */
static bool read_iso(const char *text, int64_t *ret_ms)
{
    enum { DATE_AND_TIME = 19 }; /* bytes of "2026-11-22T06:00:00" */
    const char *rest = text + strnlen(text, DATE_AND_TIME);
    char whole[DATE_AND_TIME + 2];
    double fraction_s = 0;
    int64_t ms, offset_ms;

    if (*rest == '.' && strspn(rest + 1, "0123456789") > 0) {
        fraction_s = strtod(rest, NULL);
        rest += 1 + strspn(rest + 1, "0123456789");
    }
    snprintf(whole, sizeof(whole), "%.*sZ", DATE_AND_TIME, text);
    if (!text_utc_offset(rest, &offset_ms) || utc_parse(whole, &ms, NULL) < 0)
        return false;
    *ret_ms = ms + (int64_t)(fraction_s * SECOND_MS) - offset_ms;
    return text_time_plausible((double)*ret_ms);
}

static enum reason read_iso_time(const char *pointer, const json_t *time, int64_t *ret_ms,
                                 struct error *error)
{
    char quoted[TEXT_EXCERPT];
    int64_t ms;

    if (!json_is_string(time))
        return malformed(error, pointer, time, "a time in quotes, as \"2026-11-22T06:00:00Z\"");
    if (!read_iso(json_string_value(time), &ms)) {
        error_set(error, ERROR_INVALID,
                  "\"%s\" is \"%s\": write a time from 2000 to 2199 as 2026-11-22T06:00:00Z",
                  pointer, text_excerpt(json_string_value(time), json_string_length(time), quoted));
        return REASON_MALFORMED;
    }
    *ret_ms = ms;
    return REASON_FRESH;
}

static enum reason read_time(const struct mqtt_mapping *mapping, const struct mqtt_mapping *places,
                             const json_t *root, int64_t *ret_ms, struct error *error)
{
    const json_t *time = json_pointer_get(root, places->time);
    bool strict = mapping->format == MQTT_DSX;
    double number;

    if (places->time_form == MQTT_TIME_ISO8601)
        return read_iso_time(places->time, time, ret_ms, error);
    if (json_is_string(time) && mapping->number_as_text) {
        enum reason reason = scan_number(json_string_value(time), "", &number, error);

        if (reason != REASON_FRESH)
            return REASON_MALFORMED;
    } else if (json_is_integer(time) || (json_is_real(time) && !strict)) {
        number = json_number_value(time);
    } else {
        return malformed(error, places->time, time,
                         strict ? "an integer, UTC milliseconds since 1970"
                                : "a number since 1970, UTC");
    }
    return read_time_number(places->time, number, places->time_form, ret_ms, error);
}

/* Whether the source vouches for the value. */
static enum reason read_quality(const struct mqtt_mapping *mapping,
                                const struct mqtt_mapping *places, const json_t *root,
                                struct error *error)
{
    const json_t *quality = json_pointer_get(root, places->quality);
    const char *good = places->quality_good;
    char quoted[TEXT_EXCERPT];
    bool same;

    if (mapping->format == MQTT_DSX && !json_is_integer(quality))
        return malformed(error, places->quality, quality, "an integer, 1 for good");
    if (!quality || json_is_object(quality) || json_is_array(quality))
        return malformed(error, places->quality, quality, "the quality of the value");
    if (json_is_string(quality))
        same = strcmp(json_string_value(quality), good) == 0;
    else if (json_is_number(quality))
        same = text_number_length(good) == strlen(good) && json_number_value(quality) == atof(good);
    else
        same = strcmp(kind_of(quality), good) == 0; /* true, false, null */
    if (same)
        return REASON_FRESH;
    if (json_is_string(quality))
        text_excerpt(json_string_value(quality), json_string_length(quality), quoted);
    else if (json_is_number(quality))
        snprintf(quoted, sizeof(quoted), "%.17g", json_number_value(quality));
    else
        snprintf(quoted, sizeof(quoted), "%s", kind_of(quality));
    error_set(error, ERROR_INVALID, "\"%s\" is %s, not %s", places->quality, quoted, good);
    return REASON_SOURCE_SAYS_BAD;
}

static enum reason read_value(const struct mqtt_mapping *mapping, const char *pointer,
                              const json_t *value, double *ret_value, struct error *error)
{
    const struct mqtt_word *word;

    if (json_is_number(value)) {
        *ret_value = json_number_value(value);
        return REASON_FRESH;
    }
    if (json_is_string(value) && (mapping->number_as_text || *mapping->words[0].text)) {
        enum reason reason = read_text(mapping, json_string_value(value), json_string_length(value),
                                       ret_value, error);

        if (reason != REASON_FRESH)
            error_prefix(error, 0, "\"%s\"", pointer);
        return reason;
    }
    word =
        json_is_boolean(value) ? find_word(mapping, kind_of(value), strlen(kind_of(value))) : NULL;
    if (!word)
        return malformed(error, pointer, value, "a number or null");
    *ret_value = word->value;
    return REASON_FRESH;
}

static int parse(struct mqtt_document *document)
{
    char quoted[2 * TEXT_EXCERPT];
    json_error_t why;

    if (document->stage != STAGE_OPEN)
        return document->stage == STAGE_JSON ? 0 : ERROR_INVALID;
    document->root = json_loadb(document->payload, document->length,
                                JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &why);
    document->stage = document->root ? STAGE_JSON : STAGE_NO_JSON;
    if (document->root)
        return 0;
    snprintf(quoted, sizeof(quoted), "%.*s", (int)sizeof(quoted) - 1, why.text);
    for (char *at = quoted; *at; at++)
        *at = isprint((unsigned char)*at) ? *at : '?';
    return error_set(&document->why, ERROR_INVALID, "no JSON at byte %d: %s", why.position, quoted);
}

static enum reason read_json(struct mqtt_document *document, const struct mqtt_mapping *mapping,
                             struct sample *sample, double *ret_value, struct error *error)
{
    const struct mqtt_mapping *places = mapping->format == MQTT_DSX ? &dsx_places : mapping;
    enum reason reason = REASON_FRESH;
    const json_t *value;

    if (parse(document) < 0) {
        if (error)
            *error = document->why;
        return REASON_MALFORMED;
    }
    value = json_pointer_get(document->root, places->value);
    if (!value)
        return malformed(error, places->value, value, "a number or null");
    if (*places->time)
        reason = read_time(mapping, places, document->root, &sample->source_ms, error);
    if (reason == REASON_FRESH && *places->quality)
        reason = read_quality(mapping, places, document->root, error);
    if (json_is_null(value) && reason != REASON_MALFORMED) {
        error_set(error, ERROR_INVALID, "\"%s\" is null", places->value);
        sample->quality = QUALITY_MISSING;
        return REASON_SOURCE_SAYS_BAD;
    }
    if (reason == REASON_FRESH)
        reason = read_value(mapping, places->value, value, ret_value, error);
    return reason;
}

/* ---- documents --------------------------------------------------------- */

void mqtt_document_open(struct mqtt_document *document, const void *payload, size_t length,
                        bool retained, int64_t receive_ms)
{
    document->payload = payload;
    document->length = length;
    document->retained = retained;
    document->receive_ms = receive_ms;
    document->root = NULL;
    document->stage = STAGE_REFUSED;
    if (length > LIMIT_PAYLOAD)
        error_set(&document->why, ERROR_INVALID,
                  "%zu bytes are more than the %d that are looked at", length, LIMIT_PAYLOAD);
    else if (length == 0)
        error_set(&document->why, ERROR_INVALID,
                  "the payload is empty: the retained value was cleared");
    else
        document->stage = STAGE_OPEN;
}

void mqtt_document_close(struct mqtt_document *document)
{
    json_decref(document->root);
    document->root = NULL;
    document->stage = STAGE_REFUSED;
}

static enum reason read_any(struct mqtt_document *document, const struct mqtt_mapping *mapping,
                            struct sample *sample, double *ret_value, struct error *error)
{
    if (mapping->format != MQTT_PLAIN)
        return read_json(document, mapping, sample, ret_value, error);
    if (document->stage == STAGE_REFUSED) {
        if (error)
            *error = document->why;
        return REASON_MALFORMED;
    }
    return read_text(mapping, document->payload, document->length, ret_value, error);
}

enum quality mqtt_document_read(struct mqtt_document *document, const struct mqtt_mapping *mapping,
                                struct sample *ret_sample, struct error *ret_error)
{
    bool timed = mapping->format == MQTT_DSX || *mapping->time;
    double value = (double)NAN;

    assert(mapping->format != MQTT_SPARKPLUG);
    ret_sample->quality = QUALITY_BAD;
    ret_sample->source_ms = ret_sample->receive_ms = document->receive_ms;
    ret_sample->reason = read_any(document, mapping, ret_sample, &value, ret_error);
    ret_sample->value = value * mapping->factor + mapping->offset;
    if (ret_sample->reason == REASON_FRESH && !isfinite(ret_sample->value)) {
        ret_sample->reason = REASON_NOT_FINITE;
        error_set(ret_error, ERROR_INVALID, "%g * %g + %g is not finite", value, mapping->factor,
                  mapping->offset);
    } else if (ret_sample->reason == REASON_FRESH && document->retained && !timed) {
        ret_sample->reason = REASON_RETAINED;
        error_set(ret_error, ERROR_INVALID, "a stored message without a time");
    }
    if (ret_sample->reason == REASON_FRESH)
        ret_sample->quality = QUALITY_GOOD;
    else
        ret_sample->value = (double)NAN;
    return ret_sample->quality;
}
