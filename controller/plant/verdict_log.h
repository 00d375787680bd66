/* Which changes of the points' verdicts are worth a row in the ledger. Pure.
 *
 * Fed with every frozen image, it tells each verdict that differs from the one told last, lapses
 * between two freezes included, so that a short failure between two stored readings is not lost. A
 * flapping point cannot flood the ledger: it has VERDICT_BURST changes at once and then one every
 * VERDICT_EVERY_MS. What is withheld is counted with the next change of the point that is told, and
 * the verdict that lasts is always told in the end. */
#ifndef TIDEWATT_PLANT_VERDICT_LOG_H
#define TIDEWATT_PLANT_VERDICT_LOG_H

#include "controller/plant/image.h"

enum { VERDICT_BURST = 8, VERDICT_EVERY_MS = 60000 };

struct verdict_change {
    int64_t at_ms; /* site time */
    int32_t point;
    enum quality quality;
    enum reason reason;
    uint32_t withheld; /* changes of the point before this one that were not told */
};

struct verdict_log;

struct verdict_log *verdict_log_create(int32_t point_count, struct error *error);
void verdict_log_destroy(struct verdict_log *log);

/* Returns the number of changes to tell, at most `most`; what finds no room follows with a later
 * image. The first image tells every point: a restart knows nothing. */
int verdict_log_update(struct verdict_log *log, const struct image *frozen,
                       struct verdict_change *ret_changes, int most);

uint64_t verdict_log_withheld(const struct verdict_log *log); /* since the start */

#endif
