/* A request that the device drops by itself when nobody renews it. */
#ifndef TIDEWATT_TWIN_SET_POINT_H
#define TIDEWATT_TWIN_SET_POINT_H

struct set_point {
    double value;    /* in force; 0 after the reversion */
    double revert_s; /* life of a request; 0: for ever */
    double age_s;    /* since the request was last written */
};

void set_point_init(struct set_point *set, double revert_s); /* 0 */
/* Also of the same value: the reversion time starts again. */
void set_point_write(struct set_point *set, double value);
/* The value for a step of `dt_s` that begins now. */
double set_point_elapse(struct set_point *set, double dt_s);

#endif
