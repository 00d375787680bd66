/* Readiness and liveness for the service manager. */
#ifndef TIDEWATT_CORE_SERVICE_H
#define TIDEWATT_CORE_SERVICE_H

void service_ready(void);
void service_alive(const char *status); /* once a tick */
void service_stopping(void);

#endif
