/* The enumerated reasons and events of schema/reasons.def and schema/events.def. */
#ifndef TIDEWATT_BASE_REASON_H
#define TIDEWATT_BASE_REASON_H

enum reason {
#define REASON(number, id, name, text) REASON_##id = number,
#include "schema/reasons.def"
#undef REASON
};

enum event_kind {
#define EVENT(number, id, name, severity, text) EVENT_##id = number,
#include "schema/events.def"
#undef EVENT
};

enum severity { SEVERITY_INFO, SEVERITY_WARNING, SEVERITY_ALARM };

const char *reason_name(enum reason reason); /* "too_old" */
const char *reason_text(enum reason reason); /* a sentence for people */
const char *event_name(enum event_kind kind);
const char *event_text(enum event_kind kind);
enum severity event_severity(enum event_kind kind);
const char *severity_name(enum severity severity); /* "info", "warning", "alarm" */

/* Walk the catalogues: index 0.. until false. */
int reason_catalogue(int index, enum reason *ret_reason);
int event_catalogue(int index, enum event_kind *ret_kind);

#endif
