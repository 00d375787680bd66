/* Mappings as configurations write them: names, and checks that say what to change. */
#include "drivers/mqtt_mapping.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "drivers/json_pointer.h"

static const char *const formats[] = {"dsx", "json", "plain", "sparkplug"};
static const char *const time_forms[] = {"ms", "s", "iso8601"};

/* ---- names ------------------------------------------------------------- */

static int find_name(const char *const *names, int count, const char *name)
{
    for (int i = 0; i < count; i++) {
        if (strcmp(names[i], name) == 0)
            return i;
    }
    return ERROR_INVALID;
}

const char *mqtt_format_name(enum mqtt_format format)
{
    assert((unsigned)format < MQTT_FORMATS);
    return formats[format];
}

int mqtt_format_find(const char *name, enum mqtt_format *ret_format)
{
    int found = find_name(formats, MQTT_FORMATS, name);

    if (found < 0)
        return found;
    *ret_format = (enum mqtt_format)found;
    return 0;
}

const char *mqtt_time_form_name(enum mqtt_time_form form)
{
    assert((unsigned)form < MQTT_TIME_FORMS);
    return time_forms[form];
}

int mqtt_time_form_find(const char *name, enum mqtt_time_form *ret_form)
{
    int found = find_name(time_forms, MQTT_TIME_FORMS, name);

    if (found < 0)
        return found;
    *ret_form = (enum mqtt_time_form)found;
    return 0;
}

/* ---- a mapping from a configuration ------------------------------------ */

void mqtt_mapping_init(struct mqtt_mapping *mapping, enum mqtt_format format)
{
    *mapping = (struct mqtt_mapping){.format = format, .factor = 1};
    if (format == MQTT_JSON)
        strcpy(mapping->value, "/value");
}

static int refuse_option(const struct mqtt_mapping *mapping, const char *option, bool given,
                         struct error *error)
{
    if (!given)
        return 0;
    return error_set(error, ERROR_INVALID, "format \"%s\" has no %s: leave it out",
                     mqtt_format_name(mapping->format), option);
}

/* What only JSON has. */
static int refuse_places(const struct mqtt_mapping *mapping, struct error *error)
{
    int rc = refuse_option(mapping, "value pointer", *mapping->value, error);

    if (rc == 0)
        rc = refuse_option(mapping, "time pointer", *mapping->time, error);
    if (rc == 0)
        rc = refuse_option(mapping, "quality", *mapping->quality || *mapping->quality_good, error);
    if (rc == 0)
        rc = refuse_option(mapping, "numbers in quotes", mapping->number_as_text, error);
    return rc;
}

static int refuse_text(const struct mqtt_mapping *mapping, struct error *error)
{
    int rc = refuse_option(mapping, "unit suffix", *mapping->suffix, error);

    return rc < 0 ? rc : refuse_option(mapping, "words", *mapping->words[0].text, error);
}

static int check_places(const struct mqtt_mapping *mapping, struct error *error)
{
    int rc = json_pointer_check("value", mapping->value, error);

    if (rc == 0)
        rc = json_pointer_check("time", mapping->time, error);
    if (rc == 0)
        rc = json_pointer_check("quality", mapping->quality, error);
    if (rc == 0 && !*mapping->quality != !*mapping->quality_good)
        return error_set(error, ERROR_INVALID,
                         "a quality takes both: its pointer and the only value that is good");
    if (rc == 0 && *mapping->suffix && !mapping->number_as_text)
        return error_set(error, ERROR_INVALID,
                         "suffix \"%s\" needs numbers in quotes to be allowed", mapping->suffix);
    return rc;
}

static int check_words(const struct mqtt_mapping *mapping, struct error *error)
{
    const struct mqtt_word *words = mapping->words;

    for (int i = 0; i < MQTT_WORDS && *words[i].text; i++) {
        if (!isfinite(words[i].value))
            return error_set(error, ERROR_INVALID, "\"%s\" must stand for a finite number",
                             words[i].text);
        for (int k = 0; k < i; k++) {
            if (strcmp(words[i].text, words[k].text) == 0)
                return error_set(error, ERROR_INVALID, "\"%s\" stands for two numbers",
                                 words[i].text);
        }
    }
    return 0;
}

int mqtt_mapping_check(const struct mqtt_mapping *mapping, struct error *error)
{
    int rc = check_words(mapping, error);

    if (rc == 0 &&
        (!isfinite(mapping->factor) || mapping->factor == 0 || !isfinite(mapping->offset)))
        rc = error_set(error, ERROR_INVALID,
                       "the factor must be a finite number other than 0, and the offset finite");
    if (rc == 0 && mapping->format != MQTT_SPARKPLUG)
        rc = refuse_option(mapping, "metric", *mapping->metric, error);
    else if (rc == 0 && !*mapping->metric)
        rc = error_set(error, ERROR_INVALID, "format \"sparkplug\" needs the name of a metric");
    if (rc == 0)
        rc = mapping->format == MQTT_JSON ? check_places(mapping, error)
                                          : refuse_places(mapping, error);
    if (rc == 0 && (mapping->format == MQTT_DSX || mapping->format == MQTT_SPARKPLUG))
        rc = refuse_text(mapping, error);
    return rc;
}
