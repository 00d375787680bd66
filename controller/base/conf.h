/* Configuration text (libconfig syntax) read with units, ranges and good error texts: each names
 * file, line, path and remedy. The only user of libconfig.
 *
 * A reader collects every error instead of stopping at the first. Each option read is marked;
 * conf_finish reports keys that nobody asked for as unknown, with the nearest known name; in a
 * group with another error only those that have one, as its reader may have stopped there. */
#ifndef TIDEWATT_BASE_CONF_H
#define TIDEWATT_BASE_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "controller/base/error.h"
#include "controller/base/quantity.h"

struct conf;      /* a file */
struct conf_node; /* a group, list or value in it; lives as long as the file */

/* NULL with an error (file, line) when the file is missing or no libconfig text. */
struct conf *conf_open(const char *path, struct error *error);
void conf_close(struct conf *conf);
struct conf_node *conf_root(struct conf *conf);

/* Every function takes NULL for an absent group: nothing is in it, and nothing is noted.
 *
 * Sub-groups and lists; NULL when absent (and an error is noted if `required`). */
struct conf_node *conf_group(struct conf_node *parent, const char *name, bool required);
struct conf_node *conf_list(struct conf_node *parent, const char *name, bool required);
size_t conf_length(const struct conf_node *list);
struct conf_node *conf_item(struct conf_node *list, size_t index);
const char *conf_item_string(struct conf_node *list,
                             size_t index); /* NULL and an error: no string */
bool conf_has(struct conf_node *group, const char *name);
/* The setting of that name is for another program: whatever is in it is no unknown key. */
void conf_leave(struct conf_node *parent, const char *name);

/* Values: the fallback is returned when the key is absent or wrong (wrong is noted).
 * Use the _required forms where there is no honest default: they note absence too, and return ""
 * or `least` then. */
const char *conf_string(struct conf_node *group, const char *name, const char *fallback);
const char *conf_string_required(struct conf_node *group, const char *name);
int64_t conf_integer(struct conf_node *group, const char *name, int64_t fallback, int64_t least,
                     int64_t most);
double conf_number(struct conf_node *group, const char *name, double fallback, double least,
                   double most);
bool conf_flag(struct conf_node *group, const char *name, bool fallback);
/* A string with a unit ("1.2 MW"); a bare number is refused, naming the units to choose from. */
double conf_quantity(struct conf_node *group, const char *name, enum dimension dimension,
                     double fallback, double least, double most);
double conf_quantity_required(struct conf_node *group, const char *name, enum dimension dimension,
                              double least, double most);
/* The index of the string in `names` (NULL-terminated); notes an error listing the choices. */
int conf_choice(struct conf_node *group, const char *name, const char *const *names, int fallback);

/* Notes an error at this node: "FILE:LINE: path: text". At most 100 are kept, equal ones once. */
void conf_error(struct conf_node *node, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

bool conf_failed(const struct conf_node *node); /* an error was noted about this very node */

/* "FILE:LINE" of a node, for texts about several nodes. */
const char *conf_where(const struct conf_node *node, char *buffer, size_t size);

/* Reports unknown keys and returns the number of errors noted; texts via conf_error_text. */
size_t conf_finish(struct conf *conf);
/* The same for a program that reads one group of the file only. */
size_t conf_finish_group(struct conf *conf, struct conf_node *group);
bool conf_sound(const struct conf *conf); /* no error was noted so far */
size_t conf_error_count(const struct conf *conf);
const char *conf_error_text(const struct conf *conf, size_t index);

#endif
