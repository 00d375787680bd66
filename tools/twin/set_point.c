/* See set_point.h. */
#include "tools/twin/set_point.h"

void set_point_init(struct set_point *set, double revert_s)
{
    *set = (struct set_point){.revert_s = revert_s};
}

void set_point_write(struct set_point *set, double value)
{
    set->value = value;
    set->age_s = 0;
}

double set_point_elapse(struct set_point *set, double dt_s)
{
    if (set->revert_s > 0 && set->age_s >= set->revert_s)
        set->value = 0;
    set->age_s += dt_s;
    return set->value;
}
