/* What is legal in a profile but doubtful: ranges that exclude nothing, counters that turn over
 * unseen, set-points that nobody counts. A profile is written from a document, often without the
 * device at hand; these are the mistakes that no syntax shows. Pure. */
#ifndef TIDEWATT_DRIVERS_PROFILE_LINT_H
#define TIDEWATT_DRIVERS_PROFILE_LINT_H

#include "drivers/profile.h"

enum lint_severity {
    LINT_NOTE,    /* worth knowing; nothing need be wrong */
    LINT_WARNING, /* to be mended, or understood */
};

const char *lint_severity_name(enum lint_severity severity); /* "note", "warning" */

typedef void lint_note(void *context, enum lint_severity severity, const char *text);

/* Tells every finding about a profile that loaded, each with its row ("soc_pct, input 13022: ...")
 * and what to do; returns how many warnings there were. */
int profile_lint(const struct profile *profile, lint_note *note, void *context);

#endif
