/* What feeders, rack groups and accelerators leave for work that can be placed, as limits of the
 * relaxed program. Private to the planner. Powers in kW, accelerators as their number. */
#ifndef TIDEWATT_PLAN_RELAX_ROOM_H
#define TIDEWATT_PLAN_RELAX_ROOM_H

#include "controller/plan/grouping.h"

enum room_kind { ROOM_SITE, ROOM_FEEDER, ROOM_GROUP, ROOM_ACCELERATORS };

/* One limit: the average that is left in each slot. */
struct relax_room {
    enum room_kind kind;
    int32_t site;
    uint32_t of;  /* feeder, group, or bits of the accelerator classes */
    double *left; /* by slot */
    int *row;     /* by slot, -1: cannot bind */
};

struct relax_rooms {
    int32_t count;
    struct relax_room *all;
    double *memory;
    int *rows;
};

/* Those that the groups of work can fill. False: out of memory; finish it in any case. */
bool relax_rooms_init(struct relax_rooms *rooms, const struct workload *load,
                      const struct grouping *grouping);
void relax_rooms_finish(struct relax_rooms *rooms);

/* Does work at that site need it, that is tied to this group (-1: to none) and can run on these
 * classes of accelerators (0: needs none)? */
bool relax_room_holds(const struct relax_room *room, const struct workload *load, int32_t site,
                      int32_t tie, uint32_t classes);
bool relax_room_holds_group(const struct relax_room *room, const struct workload *load,
                            int32_t site, const struct work_group *group);

#endif
