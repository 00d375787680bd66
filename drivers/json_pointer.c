/* JSON pointers; see json_pointer.h. */
#include "drivers/json_pointer.h"

#include <stdlib.h>
#include <string.h>

int json_pointer_check(const char *option, const char *pointer, struct error *error)
{
    if (*pointer && *pointer != '/')
        return error_set(error, ERROR_INVALID,
                         "%s \"%s\" is no JSON pointer: it must start with \"/\", as in \"/%s\"",
                         option, pointer, pointer);
    for (const char *at = strchr(pointer, '~'); at; at = strchr(at + 1, '~')) {
        if (at[1] != '0' && at[1] != '1')
            return error_set(error, ERROR_INVALID,
                             "%s \"%s\" is no JSON pointer: write \"~0\" for ~ and \"~1\" for /",
                             option, pointer);
    }
    return 0;
}

const char *json_pointer_token(const char *pointer, char ret_token[JSON_POINTER])
{
    const char *at = pointer + 1; /* past the slash */
    size_t length = 0;

    for (; *at && *at != '/'; at++) {
        bool escaped = *at == '~';

        at += escaped;
        ret_token[length++] = escaped ? (*at == '0' ? '~' : '/') : *at;
    }
    ret_token[length] = '\0';
    return at;
}

static const json_t *array_item(const json_t *array, const char *token)
{
    size_t length = strspn(token, "0123456789");

    if (length == 0 || length > 5 || token[length] || (token[0] == '0' && length > 1))
        return NULL;
    return json_array_get(array, (size_t)atol(token));
}

const json_t *json_pointer_child(const json_t *parent, const char *token)
{
    return json_is_array(parent) ? array_item(parent, token) : json_object_get(parent, token);
}

const json_t *json_pointer_get(const json_t *root, const char *pointer)
{
    char token[JSON_POINTER];

    while (root && *pointer) {
        pointer = json_pointer_token(pointer, token);
        root = json_pointer_child(root, token);
    }
    return root;
}
