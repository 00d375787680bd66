/* What a message on an MQTT topic says about a point, for every form but Sparkplug (sparkplug.h).
 *
 * A mapping says where in a payload value, time and quality stand; a document is one message,
 * parsed once and read by as many mappings as there are points on its topic. Bytes come from
 * anybody on the broker: whatever they are, the outcome is a verdict. Pure; schema/mqtt/README.md
 * is the contract. */
#ifndef TIDEWATT_DRIVERS_MQTT_MAPPING_H
#define TIDEWATT_DRIVERS_MQTT_MAPPING_H

#include <stdbool.h>
#include <stddef.h>

#include "controller/base/error.h"
#include "controller/plant/sample.h"

enum mqtt_format {
    MQTT_DSX,       /* {"value":22.9,"timestamp":ms,"quality":1} of the DSX BMS contract */
    MQTT_JSON,      /* any JSON, by pointers */
    MQTT_PLAIN,     /* the payload is the number as text */
    MQTT_SPARKPLUG, /* Sparkplug B: not read here, see sparkplug.h */
    MQTT_FORMATS
};

enum mqtt_time_form { MQTT_TIME_MS, MQTT_TIME_S, MQTT_TIME_ISO8601, MQTT_TIME_FORMS };

enum {
    MQTT_POINTER = 96, /* bytes of a JSON pointer or a Sparkplug metric name, with the NUL */
    MQTT_WORD = 24,    /* bytes of a text that stands for a number, or of a unit, with the NUL */
    MQTT_WORDS = 8,    /* texts of one mapping that stand for numbers */
};

/* A text that stands for a number: "on" for 1. JSON true and false are the texts "true", "false".
 */
struct mqtt_word {
    char text[MQTT_WORD]; /* compared to the letter */
    double value;
};

/* All zero is MQTT_DSX with factor 0: start from mqtt_mapping_init. */
struct mqtt_mapping {
    enum mqtt_format format;
    enum mqtt_time_form time_form;
    char value[MQTT_POINTER];     /* JSON: RFC 6901 pointer; "" is the whole document */
    char time[MQTT_POINTER];      /* JSON: pointer; "": the payload has no time */
    char quality[MQTT_POINTER];   /* JSON: pointer; "": the payload has no quality */
    char quality_good[MQTT_WORD]; /* the only good quality: a string, or number, true or false */
    char metric[MQTT_POINTER];    /* Sparkplug: the metric's name */
    bool number_as_text;          /* JSON: "22.9" in quotes is a number too */
    char suffix[MQTT_WORD];       /* unit that must follow a number in text ("kW"); "": none may */
    double factor, offset;        /* payload value * factor + offset = base unit of the point */
    struct mqtt_word words[MQTT_WORDS]; /* up to the first empty text */
};

/* A mapping of the format with factor 1 and, for JSON, the value at "/value". */
void mqtt_mapping_init(struct mqtt_mapping *mapping, enum mqtt_format format);
/* ERROR_INVALID, naming the option and the remedy: a pointer that is none, a quality without its
 * good value, a Sparkplug mapping without a metric, options that the format does not know... */
int mqtt_mapping_check(const struct mqtt_mapping *mapping, struct error *error);

const char *mqtt_format_name(enum mqtt_format format); /* "dsx", "json", "plain", "sparkplug" */
int mqtt_format_find(const char *name, enum mqtt_format *ret_format);
const char *mqtt_time_form_name(enum mqtt_time_form form); /* "ms", "s", "iso8601" */
int mqtt_time_form_find(const char *name, enum mqtt_time_form *ret_form);

/* From 2000 to 2199: else seconds were taken for milliseconds, or the other way round. */
bool mqtt_time_plausible(double utc_ms);

/* One message. The payload stays the caller's and must outlive the document. */
struct mqtt_document {
    const char *payload;
    size_t length;
    bool retained;
    int64_t receive_ms;
    int stage;        /* how far it was parsed, and whether that worked */
    void *root;       /* the parsed JSON */
    struct error why; /* set only when it could not be parsed */
};

void mqtt_document_open(struct mqtt_document *document, const void *payload, size_t length,
                        bool retained, int64_t receive_ms);
void mqtt_document_close(struct mqtt_document *document);

/* The verdict of the message about one point: quality, reason, value, source and receive time of
 * the sample are set, its point is left alone. The value is NAN unless GOOD.
 *
 *   GOOD/FRESH              value and source time; without a time in the payload that is the time
 *                           of reception. How old that is, others judge
 *   BAD/RETAINED            a stored message whose payload has no time: of unknown age
 *   MISSING/SOURCE_SAYS_BAD the value is null
 *   BAD/SOURCE_SAYS_BAD     the quality is not the good one
 *   BAD/UNKNOWN_STATE       a text that stands for no number, where texts are expected
 *   BAD/NOT_FINITE          "nan" and "inf" in text, or factor and offset lead out of the numbers
 *   BAD/MALFORMED           anything else, also a time before 2000 or after 2199: seconds taken for
 *                           milliseconds or the other way round
 *
 * With BAD, `ret_error` says what is wrong and where in the payload, without the topic. */
enum quality mqtt_document_read(struct mqtt_document *document, const struct mqtt_mapping *mapping,
                                struct sample *ret_sample, struct error *ret_error);

#endif
