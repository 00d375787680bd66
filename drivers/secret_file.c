/* Passwords and keys; see secret_file.h. */
#include "drivers/secret_file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int secret_file_read(const char *path, const char *option, char *ret_secret, size_t size,
                     struct error *error)
{
    FILE *file = fopen(path, "re");
    char *read;

    if (!file)
        return error_set(error, ERROR_INVALID, "%s \"%s\": %s; it must be readable to us", option,
                         path, strerror(errno));
    setvbuf(file, NULL, _IONBF, 0); /* no copy of it stays behind in a buffer */
    read = fgets(ret_secret, (int)size, file);
    fclose(file);
    if (read)
        ret_secret[strcspn(ret_secret, "\r\n")] = '\0';
    if (!read || !ret_secret[0])
        return error_set(error, ERROR_INVALID,
                         "%s \"%s\": its first line is empty; it must be the secret", option, path);
    return 0;
}
