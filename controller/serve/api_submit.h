/* Reading requests: fields that several kinds have, and the request for a job. */
#ifndef TIDEWATT_SERVE_API_SUBMIT_H
#define TIDEWATT_SERVE_API_SUBMIT_H

#include <jansson.h>

#include "controller/serve/api.h"

/* ERROR_INVALID with "KEY must be WANTED". */
int api_wrong(struct error *error, const char *key, const char *wanted);
/* Text without NUL; absent leaves `ret_text` as it is. */
int api_read_text(const json_t *request, const char *key, char *ret_text, size_t size,
                  struct error *error);
int api_read_flag(const json_t *request, const char *key, bool *ret_flag, struct error *error);

/* `topology` knows the classes of accelerators; NULL: there are none. */
int api_read_job(const struct topology *topology, const json_t *request,
                 struct job_request *ret_job, struct error *error);

#endif
