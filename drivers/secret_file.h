/* Passwords and keys, in files that only the daemon can read. */
#ifndef TIDEWATT_DRIVERS_SECRET_FILE_H
#define TIDEWATT_DRIVERS_SECRET_FILE_H

#include <stddef.h>

#include "controller/base/error.h"

/* The first line of the file, which must not be empty. `option` names it in the error text. */
int secret_file_read(const char *path, const char *option, char *ret_secret, size_t size,
                     struct error *error);

#endif
