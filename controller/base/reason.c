/* Names and texts of the catalogues, generated from the .def files so that they cannot drift. */
#include "controller/base/reason.h"

#include <stddef.h>

struct row {
    int number;
    const char *name, *text;
    enum severity severity;
};

static const struct row reasons[] = {
#define REASON(number, id, name, text) {number, name, text, SEVERITY_INFO},
#include "schema/reasons.def"
#undef REASON
};

static const struct row events[] = {
#define EVENT(number, id, name, severity, text) {number, name, text, SEVERITY_##severity},
#include "schema/events.def"
#undef EVENT
};

enum {
    REASON_ROWS = sizeof reasons / sizeof *reasons,
    EVENT_ROWS = sizeof events / sizeof *events
};

static const struct row *find(const struct row *rows, int count, int number)
{
    for (int i = 0; i < count; i++) {
        if (rows[i].number == number)
            return &rows[i];
    }
    static const struct row unknown = {-1, "unknown", "not in the catalogue", SEVERITY_WARNING};
    return &unknown;
}

const char *reason_name(enum reason reason)
{
    return find(reasons, REASON_ROWS, (int)reason)->name;
}

const char *reason_text(enum reason reason)
{
    return find(reasons, REASON_ROWS, (int)reason)->text;
}

const char *event_name(enum event_kind kind)
{
    return find(events, EVENT_ROWS, (int)kind)->name;
}

const char *event_text(enum event_kind kind)
{
    return find(events, EVENT_ROWS, (int)kind)->text;
}

enum severity event_severity(enum event_kind kind)
{
    return find(events, EVENT_ROWS, (int)kind)->severity;
}

const char *severity_name(enum severity severity)
{
    static const char *const names[] = {"info", "warning", "alarm"};
    return names[severity];
}

int reason_catalogue(int index, enum reason *ret_reason)
{
    if (index < 0 || index >= REASON_ROWS)
        return 0;
    *ret_reason = (enum reason)reasons[index].number;
    return 1;
}

int event_catalogue(int index, enum event_kind *ret_kind)
{
    if (index < 0 || index >= EVENT_ROWS)
        return 0;
    *ret_kind = (enum event_kind)events[index].number;
    return 1;
}
