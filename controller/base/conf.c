/* The only user of libconfig. Every setting carries a mark "asked for", so that a misspelt key is
 * an error with a remedy instead of a silent default; errors are collected, so that an operator
 * mends a file in one go. */
#include "controller/base/conf.h"

#include <assert.h>
#include <libconfig.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    ERRORS_KEPT = 100,  /* a file with more is reported in part */
    PATH_TEXT = 256,    /* bytes of a setting's path in an error text */
    NEAREST_LENGTH = 64 /* longest key for which a nearest name is sought */
};

/* One a setting. `names` are the options that were asked for in it, for "did you mean". */
struct conf_node {
    struct conf *conf;
    config_setting_t *setting;
    bool asked;
    bool settled; /* an error covers all of it: nothing more to say about what is inside */
    bool failed;  /* an error spoke about it: perhaps not all of it was asked for */
    char **names;
    size_t name_count, name_room;
};

struct conf {
    config_t config;
    char *path;
    struct conf_node *nodes;
    size_t node_count;
    char *errors[ERRORS_KEPT];
    size_t error_count;
};

static size_t count_settings(const config_setting_t *setting)
{
    size_t count = 1;
    if (!config_setting_is_aggregate(setting))
        return count;
    for (int i = 0; i < config_setting_length(setting); i++)
        count += count_settings(config_setting_get_elem(setting, (unsigned)i));
    return count;
}

static void attach_nodes(struct conf *conf, config_setting_t *setting)
{
    struct conf_node *node = &conf->nodes[conf->node_count++];
    node->conf = conf;
    node->setting = setting;
    config_setting_set_hook(setting, node);
    if (!config_setting_is_aggregate(setting))
        return;
    for (int i = 0; i < config_setting_length(setting); i++)
        attach_nodes(conf, config_setting_get_elem(setting, (unsigned)i));
}

/* @include names files relative to the file opened, not to the working directory. */
static int set_include_dir(struct conf *conf)
{
    const char *slash = strrchr(conf->path, '/');
    size_t length = slash ? (size_t)(slash - conf->path) : 1;
    char *directory = strndup(slash ? conf->path : ".", slash && length == 0 ? 1 : length);
    if (!directory)
        return ERROR_SYSTEM;
    config_set_include_dir(&conf->config, directory);
    free(directory);
    return 0;
}

static int read_file(struct conf *conf, struct error *error)
{
    if (config_read_file(&conf->config, conf->path) == CONFIG_TRUE)
        return 0;
    const char *file = config_error_file(&conf->config);
    if (config_error_type(&conf->config) == CONFIG_ERR_FILE_IO)
        return error_set(error, ERROR_SYSTEM,
                         "%s: cannot be read: check that it exists and is readable", conf->path);
    return error_set(error, ERROR_INVALID,
                     "%s:%d: %s: look here and in the line before for a missing quote, ';' or "
                     "bracket",
                     file ? file : conf->path, config_error_line(&conf->config),
                     config_error_text(&conf->config));
}

struct conf *conf_open(const char *path, struct error *error)
{
    struct conf *conf = calloc(1, sizeof(*conf));
    if (!conf)
        goto no_memory;
    config_init(&conf->config);
    conf->path = strdup(path);
    if (!conf->path || set_include_dir(conf) < 0)
        goto no_memory;
    if (read_file(conf, error) < 0) {
        conf_close(conf);
        return NULL;
    }
    config_setting_t *root = config_root_setting(&conf->config);
    conf->nodes = calloc(count_settings(root), sizeof(*conf->nodes));
    if (!conf->nodes)
        goto no_memory;
    attach_nodes(conf, root);
    conf->nodes[0].asked = true;
    return conf;

no_memory:
    conf_close(conf);
    error_set(error, ERROR_SYSTEM, "%s: out of memory", path);
    return NULL;
}

static void finish_node(struct conf_node *node)
{
    for (size_t i = 0; i < node->name_count; i++)
        free(node->names[i]);
    free(node->names);
}

void conf_close(struct conf *conf)
{
    if (!conf)
        return;
    for (size_t i = 0; i < conf->node_count; i++)
        finish_node(&conf->nodes[i]);
    for (size_t i = 0; i < conf->error_count; i++)
        free(conf->errors[i]);
    free(conf->nodes);
    free(conf->path);
    config_destroy(&conf->config);
    free(conf);
}

bool conf_sound(const struct conf *conf)
{
    return conf->error_count == 0;
}

struct conf_node *conf_root(struct conf *conf)
{
    return &conf->nodes[0];
}

static struct conf_node *node_of(const config_setting_t *setting)
{
    return setting ? config_setting_get_hook(setting) : NULL;
}

/* ---- error texts ---- */

const char *conf_where(const struct conf_node *node, char *buffer, size_t size)
{
    const char *file = config_setting_source_file(node->setting);
    unsigned line = config_setting_source_line(node->setting);
    snprintf(buffer, size, "%s:%u", file ? file : node->conf->path, line > 0 ? line : 1);
    return buffer;
}

/* "devices.[2].poll" into the buffer; "" for the root. */
static void path_text(const config_setting_t *setting, char *buffer, size_t size)
{
    const config_setting_t *parent = config_setting_parent(setting);
    buffer[0] = '\0';
    if (!parent)
        return;
    path_text(parent, buffer, size);
    size_t used = strlen(buffer);
    const char *dot = used > 0 ? "." : "";
    const char *name = config_setting_name(setting);
    if (name)
        snprintf(buffer + used, size - used, "%s%s", dot, name);
    else
        snprintf(buffer + used, size - used, "%s[%d]", dot, config_setting_index(setting));
}

static bool was_noted(const struct conf *conf, const char *text)
{
    for (size_t i = 0; i < conf->error_count; i++)
        if (strcmp(conf->errors[i], text) == 0)
            return true;
    return false;
}

/* Notes an error that stands at the line of `at` and speaks about the group `about`; once, however
 * many readers come upon it. */
static void note(const struct conf_node *at, struct conf_node *about, const char *format,
                 va_list arguments) __attribute__((format(printf, 3, 0)));

static void note(const struct conf_node *at, struct conf_node *about, const char *format,
                 va_list arguments)
{
    struct conf *conf = at->conf;
    char where[LIMIT_PATH + 16], path[PATH_TEXT], text[LIMIT_ERROR_TEXT];

    about->failed = true;
    if (conf->error_count == ERRORS_KEPT)
        return;
    conf_where(at, where, sizeof(where));
    path_text(about->setting, path, sizeof(path));
    vsnprintf(text, sizeof(text), format, arguments);
    if (conf->error_count == ERRORS_KEPT - 1)
        snprintf(text, sizeof(text), "more errors follow: mend the ones above first");

    char *whole;
    if (asprintf(&whole, "%s: %s%s%s", where, path, *path ? ": " : "", text) < 0)
        abort(); /* without memory for its texts the check would pass a wrong file */
    if (was_noted(conf, whole))
        free(whole);
    else
        conf->errors[conf->error_count++] = whole;
}

void conf_error(struct conf_node *node, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    note(node, node, format, arguments);
    va_end(arguments);
}

/* An error about the value `node`, told from its group's point of view: the text names the key. It
 * covers what is inside the value, should that be a group or list. */
static void value_error(struct conf_node *node, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void value_error(struct conf_node *node, const char *format, ...)
{
    struct conf_node *parent = node_of(config_setting_parent(node->setting));
    va_list arguments;
    node->settled = true;
    va_start(arguments, format);
    note(node, parent ? parent : node, format, arguments);
    va_end(arguments);
}

bool conf_failed(const struct conf_node *node)
{
    return node->failed;
}

size_t conf_error_count(const struct conf *conf)
{
    return conf->error_count;
}

const char *conf_error_text(const struct conf *conf, size_t index)
{
    return index < conf->error_count ? conf->errors[index] : NULL;
}

/* ---- nearest names ---- */

static size_t least_of(size_t a, size_t b, size_t c)
{
    size_t least = a < b ? a : b;
    return least < c ? least : c;
}

/* Levenshtein distance; names longer than NEAREST_LENGTH are as far as can be. */
static size_t distance(const char *a, const char *b)
{
    size_t a_length = strlen(a), b_length = strlen(b);
    size_t row[NEAREST_LENGTH + 1];

    if (a_length > NEAREST_LENGTH || b_length > NEAREST_LENGTH)
        return SIZE_MAX;
    for (size_t j = 0; j <= b_length; j++)
        row[j] = j;
    for (size_t i = 1; i <= a_length; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b_length; j++) {
            size_t above = row[j];
            size_t change = diagonal + (a[i - 1] != b[j - 1]);
            row[j] = least_of(above + 1, row[j - 1] + 1, change);
            diagonal = above;
        }
    }
    return row[b_length];
}

/* The name nearest to `name`, NULL when none is near enough to be meant. */
static const char *nearest(const char *name, const char *const *names, size_t count)
{
    size_t best = (strlen(name) + 1) / 3;
    const char *found = NULL;
    for (size_t i = 0; i < count; i++) {
        size_t d = distance(name, names[i]);
        if (d < best || (d == best && !found)) {
            best = d;
            found = names[i];
        }
    }
    return found;
}

/* ---- looking up ---- */

static void remember_name(struct conf_node *group, const char *name)
{
    for (size_t i = 0; i < group->name_count; i++)
        if (strcmp(group->names[i], name) == 0)
            return;
    if (group->name_count == group->name_room) {
        size_t room = group->name_room ? 2 * group->name_room : 8;
        char **grown = realloc(group->names, room * sizeof(*grown));
        if (!grown)
            return; /* costs a hint, no more */
        group->names = grown;
        group->name_room = room;
    }
    char *copy = strdup(name);
    if (copy)
        group->names[group->name_count++] = copy;
}

/* True when options can be read from it; a value where a group belongs is noted once. */
static bool is_group(struct conf_node *node)
{
    if (!node)
        return false;
    if (config_setting_is_group(node->setting))
        return true;
    if (!node->settled)
        conf_error(node, "must be a group: { name = value; ... }");
    node->settled = true;
    return false;
}

/* The setting of that name, marked as asked for; NULL when absent. */
static struct conf_node *ask(struct conf_node *group, const char *name)
{
    if (!is_group(group))
        return NULL;
    remember_name(group, name);
    struct conf_node *node = node_of(config_setting_get_member(group->setting, name));
    if (node)
        node->asked = true;
    return node;
}

static struct conf_node *ask_required(struct conf_node *group, const char *name,
                                      const char *example)
{
    struct conf_node *node = ask(group, name);
    if (!node && group && !group->settled)
        conf_error(group, "'%s' is missing: add %s = %s", name, name, example);
    return node;
}

bool conf_has(struct conf_node *group, const char *name)
{
    if (!group || !config_setting_is_group(group->setting))
        return false;
    remember_name(group, name);
    return config_setting_get_member(group->setting, name);
}

void conf_leave(struct conf_node *parent, const char *name)
{
    struct conf_node *node = ask(parent, name);
    if (node)
        node->settled = true;
}

struct conf_node *conf_group(struct conf_node *parent, const char *name, bool required)
{
    struct conf_node *node = required ? ask_required(parent, name, "{ ... }") : ask(parent, name);
    if (node && !config_setting_is_group(node->setting)) {
        value_error(node, "'%s' must be a group: %s = { ... }", name, name);
        return NULL;
    }
    return node;
}

struct conf_node *conf_list(struct conf_node *parent, const char *name, bool required)
{
    struct conf_node *node = required ? ask_required(parent, name, "( ... )") : ask(parent, name);
    if (!node || config_setting_is_list(node->setting) || config_setting_is_array(node->setting))
        return node;
    value_error(node, "'%s' must be a list: %s = ( ... )", name, name);
    return NULL;
}

size_t conf_length(const struct conf_node *list)
{
    return list ? (size_t)config_setting_length(list->setting) : 0;
}

struct conf_node *conf_item(struct conf_node *list, size_t index)
{
    assert(index < conf_length(list));
    struct conf_node *item = node_of(config_setting_get_elem(list->setting, (unsigned)index));
    item->asked = true;
    return item;
}

const char *conf_item_string(struct conf_node *list, size_t index)
{
    struct conf_node *item = conf_item(list, index);
    const char *text = config_setting_get_string(item->setting);
    if (text)
        return text;
    conf_error(item, "must be a string in quotes");
    item->settled = true;
    return NULL;
}

/* ---- values ---- */

static const char *string_of(struct conf_node *node, const char *name)
{
    const char *text = config_setting_get_string(node->setting);
    if (!text)
        value_error(node, "'%s' must be a string in quotes", name);
    return text;
}

const char *conf_string(struct conf_node *group, const char *name, const char *fallback)
{
    struct conf_node *node = ask(group, name);
    const char *text = node ? string_of(node, name) : NULL;
    return text ? text : fallback;
}

const char *conf_string_required(struct conf_node *group, const char *name)
{
    struct conf_node *node = ask_required(group, name, "\"...\"");
    const char *text = node ? string_of(node, name) : NULL;
    if (text && *text)
        return text;
    if (text)
        value_error(node, "'%s' must not be empty", name);
    return "";
}

int64_t conf_integer(struct conf_node *group, const char *name, int64_t fallback, int64_t least,
                     int64_t most)
{
    struct conf_node *node = ask(group, name);
    if (!node)
        return fallback;
    int type = config_setting_type(node->setting);
    if (type != CONFIG_TYPE_INT && type != CONFIG_TYPE_INT64) {
        value_error(node, "'%s' must be a whole number without quotes", name);
        return fallback;
    }
    int64_t value = config_setting_get_int64(node->setting);
    if (type == CONFIG_TYPE_INT)
        value = config_setting_get_int(node->setting);
    if (value < least || value > most) {
        value_error(node, "'%s' must be from %lld to %lld, not %lld", name, (long long)least,
                    (long long)most, (long long)value);
        return fallback;
    }
    return value;
}

static double number_of(const config_setting_t *setting)
{
    switch (config_setting_type(setting)) {
    case CONFIG_TYPE_INT:
        return config_setting_get_int(setting);
    case CONFIG_TYPE_INT64:
        return (double)config_setting_get_int64(setting);
    default:
        return config_setting_get_float(setting);
    }
}

double conf_number(struct conf_node *group, const char *name, double fallback, double least,
                   double most)
{
    struct conf_node *node = ask(group, name);
    if (!node)
        return fallback;
    if (!config_setting_is_number(node->setting)) {
        value_error(node, "'%s' must be a number without quotes", name);
        return fallback;
    }
    double value = number_of(node->setting);
    if (!(value >= least && value <= most)) {
        value_error(node, "'%s' must be from %g to %g, not %g", name, least, most, value);
        return fallback;
    }
    return value;
}

bool conf_flag(struct conf_node *group, const char *name, bool fallback)
{
    struct conf_node *node = ask(group, name);
    if (!node)
        return fallback;
    if (config_setting_type(node->setting) != CONFIG_TYPE_BOOL) {
        value_error(node, "'%s' must be true or false", name);
        return fallback;
    }
    return config_setting_get_bool(node->setting);
}

/* Reads the quantity of a setting as text or, where a unit is optional, as a bare number. */
static int read_quantity(struct conf_node *node, const char *name, enum dimension dimension,
                         double *ret_value)
{
    const config_setting_t *setting = node->setting;
    const char *text = config_setting_get_string(setting);
    struct error error;

    if (text) {
        if (quantity_parse(text, dimension, ret_value, &error) == 0)
            return 0;
        value_error(node, "'%s' %s", name, error.text);
        return ERROR_INVALID;
    }
    if (!config_setting_is_number(setting)) {
        value_error(node, "'%s' must be a %s in quotes with its unit (%s)", name,
                    dimension_name(dimension), dimension_units(dimension));
        return ERROR_INVALID;
    }
    double number = number_of(setting);
    if (dimension == DIMENSION_RATIO || dimension == DIMENSION_COUNT) {
        *ret_value = number;
        return 0;
    }
    value_error(node, "'%s' has no unit: write it in quotes with one of %s, not %.15g", name,
                dimension_units(dimension), number);
    return ERROR_INVALID;
}

static bool quantity_in_range(struct conf_node *node, const char *name, enum dimension dimension,
                              double value, double least, double most)
{
    char least_text[40], most_text[40], value_text[40];
    if (value >= least && value <= most)
        return true;
    quantity_format(least, dimension, least_text, sizeof(least_text));
    quantity_format(most, dimension, most_text, sizeof(most_text));
    quantity_format(value, dimension, value_text, sizeof(value_text));
    const char *text = config_setting_get_string(node->setting);
    value_error(node, "'%s' must be from %s to %s, not %s", name, least_text, most_text,
                text ? text : value_text);
    return false;
}

static double quantity_of(struct conf_node *node, const char *name, enum dimension dimension,
                          double fallback, double least, double most)
{
    double value;
    if (!node || read_quantity(node, name, dimension, &value) < 0 ||
        !quantity_in_range(node, name, dimension, value, least, most))
        return fallback;
    return value;
}

double conf_quantity(struct conf_node *group, const char *name, enum dimension dimension,
                     double fallback, double least, double most)
{
    return quantity_of(ask(group, name), name, dimension, fallback, least, most);
}

double conf_quantity_required(struct conf_node *group, const char *name, enum dimension dimension,
                              double least, double most)
{
    char example[96];
    snprintf(example, sizeof(example), "a %s (%s)", dimension_name(dimension),
             dimension_units(dimension));
    return quantity_of(ask_required(group, name, example), name, dimension, least, least, most);
}

static size_t count_names(const char *const *names)
{
    size_t count = 0;
    while (names[count])
        count++;
    return count;
}

int conf_choice(struct conf_node *group, const char *name, const char *const *names, int fallback)
{
    struct conf_node *node = ask(group, name);
    const char *text = node ? string_of(node, name) : NULL;
    if (!text)
        return fallback;
    size_t count = count_names(names);
    for (size_t i = 0; i < count; i++)
        if (strcmp(names[i], text) == 0)
            return (int)i;

    char choices[256] = "";
    for (size_t i = 0; i < count; i++) {
        size_t used = strlen(choices);
        snprintf(choices + used, sizeof(choices) - used, "%s%s", i > 0 ? ", " : "", names[i]);
    }
    value_error(node, "'%s' must be one of %s, not \"%s\"", name, choices, text);
    return fallback;
}

/* ---- unknown keys ---- */

/* Where reading may have stopped at an error, a key that was not asked for may well be right: only
 * one that looks misspelt is told. */
static void report_unknown(struct conf_node *node, bool in_failed)
{
    const struct conf_node *parent = node_of(config_setting_parent(node->setting));
    const char *name = config_setting_name(node->setting);
    node->asked = true;
    node->settled = true;
    const char *near =
        name ? nearest(name, (const char *const *)parent->names, parent->name_count) : NULL;
    if (near)
        value_error(node, "unknown key '%s': did you mean '%s'?", name, near);
    else if (!in_failed && name)
        value_error(node, "unknown key '%s': take it out", name);
    else if (!in_failed)
        conf_error(node, "is not used: take it out");
}

static void report_unknown_in(struct conf_node *node)
{
    const config_setting_t *setting = node->setting;
    bool failed = node->failed; /* before its unknown keys are told */
    if (!config_setting_is_aggregate(setting) || node->settled)
        return;
    for (int i = 0; i < config_setting_length(setting); i++) {
        struct conf_node *child = node_of(config_setting_get_elem(setting, (unsigned)i));
        if (child->asked)
            report_unknown_in(child);
        else
            report_unknown(child, failed);
    }
}

size_t conf_finish_group(struct conf *conf, struct conf_node *group)
{
    if (group)
        report_unknown_in(group);
    return conf->error_count;
}

size_t conf_finish(struct conf *conf)
{
    return conf_finish_group(conf, conf_root(conf));
}
