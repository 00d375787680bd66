/* Built without libsystemd: nobody to tell. */
#include "controller/core/service.h"

void service_ready(void)
{
}

void service_alive(const char *status)
{
    (void)status;
}

void service_stopping(void)
{
}
