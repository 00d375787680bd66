/* RFC 6901 JSON pointers, as configurations name places in documents. Pure. */
#ifndef TIDEWATT_DRIVERS_JSON_POINTER_H
#define TIDEWATT_DRIVERS_JSON_POINTER_H

#include <stdbool.h>

#include <jansson.h>

#include "controller/base/error.h"

enum { JSON_POINTER = 96 }; /* bytes of a pointer, with the NUL */

/* "" or of the form "/a/0"; the text says what to change, after the name of the `option`. */
int json_pointer_check(const char *option, const char *pointer, struct error *error);

/* What the pointer leads to; NULL where it leads nowhere. */
const json_t *json_pointer_get(const json_t *root, const char *pointer);

/* One step: the first token of a pointer that is not "", unescaped; the rest is returned. */
const char *json_pointer_token(const char *pointer, char ret_token[JSON_POINTER]);
const json_t *json_pointer_child(const json_t *parent, const char *token); /* NULL: none */

#endif
